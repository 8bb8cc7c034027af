"""What crossed the wire, one Transmission for each wire segment, tied to the frames of both full captures."""

POINTS = ("client", "server")
ARRIVED, LOST, CORRUPTED = "arrived", "lost", "corrupted"


class Seen:
    """A segment as one capture shows it: the frame, and where its bytes stand in that frame."""

    __slots__ = ("frame", "offset")

    def __init__(self, frame, offset):
        self.frame, self.offset = frame, offset

    @property
    def place(self):
        return self.frame.number, self.offset

    @property
    def seq(self):
        return (self.frame.seq + self.offset) & 0xFFFFFFFF


class Transmission:
    """One wire segment. `sender` is the point that sent it (or, of injected ones, that it pretends to come from)."""

    __slots__ = ("number", "sender", "connection", "sent", "arrivals", "len", "flags", "identity", "identity_arrived",
                 "by_path", "corrupted", "altered", "held_ns", "cause", "why", "has_id", "has_time",
                 "under_way", "either", "came_out")

    def __init__(self, number, sender):
        self.number, self.sender, self.connection = number, sender, None
        self.sent, self.arrivals = None, []
        self.len = self.flags = 0
        self.identity = self.identity_arrived = None
        self.by_path = self.corrupted = False
        self.altered = ()  # offsets of changed bytes in its payload; None among them stands for the headers
        self.held_ns = 0
        self.cause, self.why = None, ""
        self.has_id = self.has_time = True
        self.either = False  # a reset whose cause has two names
        self.came_out = False  # of the wire
        self.under_way = False  # a capture had ended: what became of it is in neither

    @property
    def fate(self):
        if not self.arrivals:
            return LOST
        return CORRUPTED if self.corrupted else ARRIVED


class Ledger:
    """All of a run. `connections` maps a number to a Connection; `translated` where the path changes addresses, ports or
    sequence numbers."""

    def __init__(self):
        self.items, self.connections = [], {}
        self.translated = False
