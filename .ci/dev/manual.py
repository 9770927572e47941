#!/usr/bin/env python3
"""Writes the manual page of the command out of its own table of commands.

dandelion --experimental-dump-help | manual.py > dandelion.1
"""
import json
import sys


def roff(text):
    """Text as roff shows it: no backslash escapes, no line that begins as a request."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in lines)


def names(argument):
    marks = {"long": "--", "short": "-", "longWithSingleDash": "-"}
    return ", ".join(marks[name["kind"]] + name["name"] for name in argument.get("names", []))


def shown(argument):
    """How an argument is written, in bold what is typed as it is."""
    value = f"\\fI{roff(argument.get('valueName', ''))}\\fR"
    if argument["kind"] == "positional":
        return value + (" ..." if argument["isRepeating"] else "")
    text = f"\\fB{roff(names(argument))}\\fR"
    return text if argument["kind"] == "flag" else f"{text} {value}"


def arguments(command):
    return [one for one in command.get("arguments", []) if one.get("shouldDisplay", True)]


def describe(command, path, heading):
    """The lines about a command and, below it, about those that it has."""
    whole = " ".join(path)
    lines = [f"{heading} {roff(whole)}" if heading == ".SS" else "", roff(command.get("abstract", ""))]
    if command.get("discussion"):
        lines += [".PP", ".nf", roff(command["discussion"]), ".fi"]
    for argument in arguments(command):
        lines += [".TP", shown(argument), roff(argument.get("abstract", "")) or "\\&"]
    for inner in subcommands(command):
        lines += describe(inner, path + [inner["commandName"]], ".SS")
    return [line for line in lines if line]


def subcommands(command):
    return [one for one in command.get("subcommands", []) if one["commandName"] != "help" and one.get("shouldDisplay", True)]


def page(tree):
    command = tree["command"]
    name = command["commandName"]
    lines = [
        f'.TH {name.upper()} 1 "" "" "User Commands"', ".SH NAME", f"{name} \\- {roff(command['abstract'].rstrip('.'))}",
        ".SH SYNOPSIS", f"\\fB{name}\\fR \\fIcommand\\fR [\\fIoption\\fR ...]",
        ".SH DESCRIPTION", ".nf", roff(command.get("discussion", "")), ".fi", ".SH OPTIONS",
    ]
    for argument in arguments(command):
        lines += [".TP", shown(argument), roff(argument.get("abstract", "")) or "\\&"]
    lines.append(".SH COMMANDS")
    for inner in subcommands(command):
        lines += describe(inner, [inner["commandName"]], ".SS")
    lines += [
        ".SH FILES", ".TP", "/etc/dandelion/dandelion.toml", "The config of the service that the package installs.",
        ".TP", "/var/lib/dandelion", "What is registered.",
        ".SH ENVIRONMENT", ".TP", "DANDELION_NODE", "The node that client commands speak to.",
        ".TP", "DANDELION_TOKEN", "What they show it.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page(json.load(sys.stdin)))
