"""A report on a text: its vocabulary, how often words occur, anagrams, what follows what, and what is spelt alike."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"

COMMON = (
    "a about all an and are as at be been but by can do for from had has have he her his how i if in into "
    "is it its more my no not of on one or our out she so some than that the their them then there they "
    "this to up was we were what when which who will with would you"
).split()


def split_words(text):
    """Returns the words of a text in lower case, in order."""
    words = []
    word = ""
    for letter in text.lower():
        if letter in LETTERS:
            word += letter
        elif word != "":
            words.append(word)
            word = ""
    if word != "":
        words.append(word)
    return words


def vocabulary(words):
    """Returns the words that are not common ones, each once, in the order of their first use."""
    found = []
    for word in words:
        if word not in COMMON and word not in found:
            found.append(word)
    return found


def frequencies(words, known):
    """Returns [word, how often it occurs], the most frequent first, equally frequent ones by name."""
    table = []
    for word in known:
        table.append([word, words.count(word)])
    return sorted(table, key=lambda row: (-row[1], row[0]))


def anagrams(known):
    """Returns the groups of words with the same letters, in the order of their first word."""
    groups = []
    for word in known:
        group = [other for other in known if sorted(other) == sorted(word)]
        if len(group) > 1 and group not in groups:
            groups.append(group)
    return groups


def reachable(words, start, limit):
    """Returns the first `limit` words that can be reached from a word by going to what follows it, nearest first."""
    reached = []
    queue = [start]
    while queue and len(reached) < limit:
        word = queue.pop(0)
        if word in reached:
            continue
        reached.append(word)
        for place in range(len(words) - 1):
            if words[place] == word:
                queue.append(words[place + 1])
    return reached


def distance(first, second):
    """Returns how many letters must be put in, left out or exchanged to turn one word into the other."""
    if first == "" or second == "":
        return len(first) + len(second)
    if first[0] == second[0]:
        return distance(first[1:], second[1:])
    return 1 + min(distance(first[1:], second), distance(first, second[1:]), distance(first[1:], second[1:]))


def alike(table, count):
    """Returns [distance, word, other word] for the closest pairs among the most frequent words."""
    pairs = []
    for row in table[:count]:
        for other in table[:count]:
            if row[0] < other[0]:
                pairs.append([distance(row[0][:5], other[0][:5]), row[0], other[0]])
    return sorted(pairs)[:count]


def render(table, total):
    """Returns the table as text, one line per word, with its share of all words in per mille."""
    text = ""
    for row in table:
        text += row[0] + " " + "." * (16 - len(row[0])) + " " + str(row[1]) + " " + str(1000 * row[1] // total) + "\n"
    return text


def report(document):
    """Returns the report on document["text"], which has at least one word that is not a common one."""
    words = split_words(document["text"])
    known = vocabulary(words)
    table = frequencies(words, known)
    return {
        "words": len(words),
        "text": render(table, len(words)),
        "anagrams": anagrams(known),
        "reachable": reachable(words, table[0][0], document["limit"]),
        "alike": alike(table, 7),
    }
