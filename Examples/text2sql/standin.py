#!/usr/bin/env python3
"""NOT A LANGUAGE MODEL: a stand-in with the interface of one, for tests and for the demo without a model. It knows a few questions by
heart, and refuses requests that are not as a model's server wants them, or that lack the key STANDIN_KEY: standin.py PORT"""

import http.server
import json
import os
import sys

# Question -> what is said at the first attempt, and at the second.
KNOWN = {
    "How many books are there?": ["```sql\nselect count(*) as books from books;\n```"],
    "Which author wrote the most pages?": [
        "Here is the query:\n```sql\nselect a.name, sum(b.pages) as pages from authors a join books b on b.author_id = a.id\n"
        "group by a.name order by pages desc limit 1\n```\nIt adds the pages of each author's books."],
    "How many loans were never returned, by city?": [
        "```sql\nselect m.city, count(*) as loans from loans l join members m on m.id = l.member_id where l.returned_on is null group by m.city order by m.city\n```"],
    # At first with a column that there is not; with the error it finds the right one.
    "Which book is the oldest?": [
        "```sql\nselect title, published from books order by published limit 1\n```", "```sql\nselect title, year from books order by year, id limit 1\n```"],
    # At first no SQL at all.
    "Who borrowed the most books?": [
        "I think that was Member 8.",
        "select m.name, count(*) as loans from loans l join members m on m.id = l.member_id group by m.id order by loans desc, m.id limit 1;"],
    "What is the meaning of life?": ["It is 42.", "I cannot say that in SQL."],
}


def said(body):
    """The answer to a request's body; ValueError: what is wrong with it."""
    messages = body["messages"]
    roles = [message["role"] for message in messages]
    if roles not in (["system", "user"], ["system", "user", "assistant", "user"]):
        raise ValueError(f"the roles are {roles}")
    if not isinstance(body.get("model"), str) or body.get("temperature") != 0:
        raise ValueError("a model's name and temperature 0 are expected")
    asked = messages[1]["content"]
    if "CREATE TABLE" not in asked.upper() or "The question: " not in asked:
        raise ValueError("the prompt has no tables, or no question")
    question = asked.split("The question: ")[1].strip()
    answers = KNOWN.get(question, ["I do not know."])
    if len(messages) == 4 and "That did not work: " not in messages[3]["content"]:
        raise ValueError("the second attempt does not say what was wrong")
    return answers[min(len(messages) // 4, len(answers) - 1)]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the message that `message` gives for a request's body."""

    protocol_version = "HTTP/1.1"

    @staticmethod
    def message(body):
        return {"role": "assistant", "content": said(body)}

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        key = os.environ.get("STANDIN_KEY")
        if key and self.headers.get("Authorization") != f"Bearer {key}":
            return self.answer(401, {"error": {"message": "the key is wrong or missing"}})
        if self.path != "/v1/chat/completions":
            return self.answer(404, {"error": {"message": f"there is no {self.path}"}})
        try:
            message = self.message(json.loads(body))
        except (ValueError, KeyError, TypeError, IndexError) as error:
            return self.answer(400, {"error": {"message": f"the stand-in objects: {error}"}})
        self.answer(200, {"object": "chat.completion", "model": "stand-in, no language model", "choices": [
            {"index": 0, "finish_reason": "stop", "message": message}]})

    def answer(self, status, document):
        data = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def serve(handler):
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), handler).serve_forever()


if __name__ == "__main__":
    serve(Handler)
