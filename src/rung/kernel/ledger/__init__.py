"""The ledger: append-only, hash-chained, the only thing the kernel writes."""
