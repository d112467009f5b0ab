"""Reports: ordered, written, checked against the recording, archived and exported."""
