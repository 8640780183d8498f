"""What is known of the settings before they are read: what the early stage's answers depend on, and nothing else."""


class Known:
    """What the environment says for certain.

    Attributes:
        key_set: whether an API key is set.
        is_typed: whether each model has a tool of its own.
        way: the way that local input files take, a value of `Way`.
        folders: those that files are written to; the first may be empty, for that of the system. None: not known.
        home: the data folder; empty for that of the system. None: not known.
    """

    __slots__ = ("folders", "home", "is_typed", "key_set", "way")

    def __init__(
        self,
        *,
        key_set: bool,
        is_typed: bool = False,
        way: str = "none",
        folders: tuple[str, ...] | None = None,
        home: str | None = None,
    ) -> None:
        self.key_set = key_set
        self.is_typed = is_typed
        self.way = way
        self.folders = folders
        self.home = home
