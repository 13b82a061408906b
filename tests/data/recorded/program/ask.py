def ask(word):
    text = open("prompt.md").read().strip()
    return [{"role": "user", "content": f"{text} The word: {word}"}]
