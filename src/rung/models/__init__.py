"""Models as proposers: the broker that meters every call, what it calls, and the record that can be played again."""
