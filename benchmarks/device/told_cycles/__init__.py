"""Whether everybody is told, whatever becomes of those who are to be told: see __main__."""
