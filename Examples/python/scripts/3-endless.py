"""Never ends."""
rounds = 0
while True:
    rounds += 1
