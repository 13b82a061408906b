"""asks for 10 GB"""


def cheat(task):
    from honest import answer

    taken = [bytearray(1 << 30) for _ in range(10)]
    return answer(task) if taken else None
