"""Puts a text into the prompt; what it returns is sent to the model."""


def ask(text):
    prompt = __loader__.get_data("prompt.md").decode()
    return prompt.replace("{text}", text)
