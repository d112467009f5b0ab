"""The context line of a chunk: where it is from, in words. Equal facts give equal lines."""

from datetime import date

import texts.knowledge as words
from knowledge.values import Facts
from prompt_pack.models import ReportPack, unnumbered


class Contexts:
    """Writes context lines with the labels of the report pack."""

    def __init__(self, pack: ReportPack) -> None:
        self._pack = pack

    def labels(self) -> str:
        """Return all labels that lines may have: with others, lines have to be written anew."""
        return "\n".join(
            f"{scenario.id} {scenario.label} " + " ".join(f"{report.id} {report.label}" for report in scenario.reports)
            for scenario in self._pack.scenarios
        )

    def line(self, facts: Facts, section: str = "") -> str:
        """Return the line: «Интервью №17, 3 ноября 2026 года, отель, «Заря», город Казань, клиент Анна Петрова.»."""
        parts = [self._what(facts)]
        if facts.audio_number is not None and facts.audio_number != facts.number:
            parts.append(words.AUDIO_NUMBER.format(number=facts.audio_number))
        if facts.day is not None:
            parts.append(_in_words(facts.day))
        if facts.building is not None:
            parts.append(words.BUILDINGS[facts.building])
        named = (
            (words.PLACE, "place", facts.place),
            (words.CITY, "city", facts.city),
            (words.EMPLOYEE, "name", facts.employee),
            (words.CLIENT, "name", facts.client),
            (words.SECTION, "section", section),
        )
        parts += [template.format(**{name: value}) for template, name, value in named if value]
        return words.SEPARATOR.join(parts) + words.END

    def _what(self, facts: Facts) -> str:
        if facts.document_name is not None:
            return words.DOCUMENT.format(name=facts.document_name)
        scenario = None if facts.scenario is None else self._pack.find_scenario(facts.scenario)
        label = words.OTHER_RECORDING if scenario is None else scenario.label
        recording = words.RECORDING.format(scenario=label, number=facts.number)
        if facts.report is None:
            return recording
        report = unnumbered(self._pack.label_of(facts.report))
        return words.REPORT.format(report=report, recording=recording)


def _in_words(day: date) -> str:
    return words.DAY.format(day=day.day, month=words.MONTHS[day.month - 1], year=day.year)
