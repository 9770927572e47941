"""Questions about the library, each with SQL that answers it: what a model's answers are judged by."""

QUESTIONS = {
    "How many books are there?": "select count(*) from books",
    "How many members are there?": "select count(*) from members",
    "Which book is the oldest?": "select title from books order by year, id limit 1",
    "How many pages do all books have together?": "select sum(pages) from books",
    "How many books have more than 400 pages?": "select count(*) from books where pages > 400",
    "What are the names of the authors from Japan?": "select name from authors where country = 'Japan'",
    "How many members live in Bern?": "select count(*) from members where city = 'Bern'",
    "How many members are there in each city?": "select city, count(*) from members group by city",
    "How many loans were never returned?": "select count(*) from loans where returned_on is null",
    "Which author wrote the most pages?":
        "select authors.name from books join authors on authors.id = author_id group by authors.id order by sum(pages) desc limit 1",
    "How many books did Mei Tanaka write?": "select count(*) from books join authors on authors.id = author_id where name = 'Mei Tanaka'",
    "How many loans were never returned, by city?":
        "select city, count(*) from loans join members on members.id = member_id where returned_on is null group by city",
}


def is_right(expected, rows):
    """Whether an answer's rows hold the expected ones, in any order of rows and with more columns perhaps."""
    wanted = sorted(sorted(map(str, row)) for row in expected)
    given = [sorted(str(value) for value in row.values()) for row in rows]
    return len(given) == len(wanted) and all(any(set(one) <= set(row) for row in given) for one in wanted)
