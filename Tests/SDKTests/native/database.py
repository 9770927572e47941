"""Makes a database and prints a query's answer as CSV. Usage: database.py FILE"""

import csv
import sqlite3
import sys

database = sqlite3.connect(sys.argv[1])
database.execute("create table people(id integer primary key, name text, age real)")
rows = [(number, f'name, "{number % 7}"', number * 1.5) for number in range(5000)]
database.executemany("insert into people values(?, ?, ?)", rows)
database.commit()
answer = database.execute("select name, count(*) n, sum(age) from people group by name order by name")
writer = csv.writer(sys.stdout)
sys.stdout.reconfigure(newline="")
writer.writerow([column[0] for column in answer.description])
writer.writerows(answer)
