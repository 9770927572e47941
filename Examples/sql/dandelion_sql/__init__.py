"""SQL over Parquet files in object storage, run as compositions of a Dandelion node."""


class Refused(Exception):
    """What the user has to change; the message says where."""
