"""Well-behaved: reads a file that came with the request, prints, and writes a file."""
import csv
import statistics

with open("temperatures.csv") as file:
    values = [float(row["celsius"]) for row in csv.DictReader(file)]
print(f"{len(values)} values, mean {statistics.mean(values):.1f}")
with open("/out/sorted.txt", "w") as file:
    file.writelines(f"{value}\n" for value in sorted(values))
