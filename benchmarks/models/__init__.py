"""What a model adds at equal cost in money: three arms per task, seeds and all."""
