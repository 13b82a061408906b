"""How a whole file is read out of an answer; the files are those of `seed`."""
