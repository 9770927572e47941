"""A small database for the demo and the tests: a library's books, members and loans."""

import datetime
import sqlite3

AUTHORS = [("Ada Brandt", "Germany"), ("Luis Ortega", "Spain"), ("Mei Tanaka", "Japan"), ("Noor Haddad", "Lebanon"), ("Ole Lund", "Norway")]
WORDS = ["River", "Mountain", "Winter", "Harbour", "Garden", "Lantern", "Orchard", "Storm"]


def make(path):
    """Writes the database to a file."""
    with sqlite3.connect(path) as database:
        make_into(database)


def make_into(database):
    """The same each time: 5 authors, 40 books, 30 members, 300 loans of 2024 and 2025."""
    database.executescript("""
        create table authors (id integer primary key, name text not null, country text not null);
        create table books (id integer primary key, title text not null, author_id integer references authors(id), year integer, pages integer);
        create table members (id integer primary key, name text not null, city text not null);
        create table loans (id integer primary key, book_id integer references books(id), member_id integer references members(id),
                            lent_on text not null, returned_on text);
    """)
    database.executemany("insert into authors (name, country) values (?, ?)", AUTHORS)
    database.executemany("insert into books (title, author_id, year, pages) values (?, ?, ?, ?)", [
        (f"The {WORDS[i % 8]} {'of Glass' if i % 3 else 'at Night'} {i // 8 + 1}", i % 5 + 1, 1990 + i * 7 % 35, 120 + i * 37 % 400) for i in range(40)])
    database.executemany("insert into members (name, city) values (?, ?)", [
        (f"Member {i + 1}", ["Bern", "Basel", "Zurich"][i % 3]) for i in range(30)])
    first = datetime.date(2024, 1, 1)
    loans = []
    for i in range(300):
        lent = first + datetime.timedelta(i * 53 % 700)
        returned = None if i % 11 == 0 else str(lent + datetime.timedelta(3 + i * 17 % 40))
        loans.append((i * i % 40 + 1, i * 7 % 30 + 1, str(lent), returned))
    database.executemany("insert into loans (book_id, member_id, lent_on, returned_on) values (?, ?, ?, ?)", loans)
