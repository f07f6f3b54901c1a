"""What is wrong with a file that somebody wants to import."""


class ImportProblem(ValueError):
    """The file cannot be imported: one sentence names the file, the sensor, what is wrong, and the remedy."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(f"{where}: {what}")
        self.where = where
        self.what = what
