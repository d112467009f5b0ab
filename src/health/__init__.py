"""Health: the state of each part of the machine, the checks that find it out, and the alarms to the owner."""
