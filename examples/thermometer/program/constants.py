"""What the data sheet of another thermistor says."""

NOMINAL_OHM = 9000.0
BETA = 3400.0
