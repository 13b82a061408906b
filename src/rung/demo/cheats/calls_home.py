"""opens a connection to the network"""

import socket


def cheat(task):
    from honest import answer

    socket.create_connection(("192.0.2.1", 80), timeout=0.2)
    return answer(task)
