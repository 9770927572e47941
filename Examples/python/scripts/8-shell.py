"""Runs another program."""
import subprocess

print(subprocess.check_output(["sh", "-c", "id; uname -a"]))
