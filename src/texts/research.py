"""What people read about research, and the lines of its prompts that code writes around data.

Values in braces are escaped before they are put in: for Markdown in the report, for HTML on screens.
"""

from texts.units import Noun

CLAIM = Noun("высказывание", "высказывания", "высказываний")
INTERVIEW = Noun("интервью", "интервью", "интервью")

# --- prompts -------------------------------------------------------------------------------------------------------
QUESTION_AS_DATA = "<вопрос>\n{question}\n</вопрос>"
ASPECTS_AS_DATA = "<темы>\n{aspects}\n</темы>"
ASPECT_AS_DATA = "{id} — {title}"
KNOWN_THEMES_AS_DATA = "<группы>\n{titles}\n</группы>"
CLAIM_AS_DATA = "[{number}] {statement} — «{quote}»"
THEME_AS_DATA = "[{number}] {title}"
QUOTE_AS_DATA = "- «{quote}»"

# --- the report ----------------------------------------------------------------------------------------------------
READ = "Прочитано интервью: {read} из {matching}."
READ_ALL = "Прочитаны все подходящие интервью: {read}."
SCOPE = "Где искали: {scope}."
SCOPE_FIELDS = {
    "scenario": "сценарий «{value}»",
    "first_day": "с {value}",
    "last_day": "по {value}",
    "place": "заведение «{value}»",
    "city": "город {value}",
    "employee": "сотрудник {value}",
    "building": "тип заведения «{value}»",
}
SUMMARY_TITLE = "Коротко"
NOTHING_FOUND = "В прочитанных интервью об этом не говорят: ни одного высказывания с дословной цитатой."
ASPECT = "{title} — {share}"
SHARE = "{count} из {total} интервью"
THEME = "{number}. {title} — {share}"
BY_PLACE = "По заведениям: {places}."
PLACE = "{place} — {count} из {total}"
NO_PLACE = "заведение не указано"
MORE_PLACES = "и ещё {count}"
QUOTE = "«{quote}» — {source}"
SOURCE = "{whose}№{number}, {day}, {speaker}{time}"
WHOSE = "{name}, "
SPEAKER = "{speaker}, "
MORE_QUOTES = "и ещё {claims}"
OTHER_THEME = "«{quote}»"
DISAGREEMENT_TITLE = "В чём расходятся"
DISAGREEMENT = "**{title}**: хорошо отзываются в {positive} из {total} интервью, плохо — в {negative} из {total}{both}."
BOTH = " (и так, и так — в {count})"
FOR = "За: {quote}"
AGAINST = "Против: {quote}"
COVERAGE_TITLE = "О чём спрашивали"
COVERAGE_HEAD = "| Тема | Спросили | Сказали |\n| --- | --- | --- |"
COVERAGE_ROW = "| {title} | {asked} | {said} |"
NEVER_ASKED = "Ни в одном интервью не спросили: {titles}."
METHOD_TITLE = "Как считали"
METHOD = (
    "Каждое интервью прочитано отдельно. Высказывание засчитано, когда его цитата есть в расшифровке слово в слово и "
    "принадлежит не тому, кто спрашивает. Сколько интервью за каждой мыслью, посчитала программа; в группы мысли "
    "собрала языковая модель, поэтому под каждой — цитаты, по которым это можно проверить."
)
INTERVIEWS_TITLE = "Прочитанные интервью"
INTERVIEWS_HEAD = "| Интервью | День | Заведение | Высказываний |\n| --- | --- | --- | --- |"
INTERVIEWS_ROW = "| {whose}№{number} | {day} | {place} | {claims} |"

WARNING_LIMIT = (
    "Прочитаны {reading} самых новых интервью из {matching}: больше за раз не читаем. Сузьте вопрос или период."
)
WARNING_GONE = "Интервью, которые удалены или закрыты после заказа и не прочитаны: {count}."
WARNING_FAILED = "Интервью, по которым модель не дала пригодного ответа: {numbers}. В счёте их нет."
WARNING_WINDOWS = "Части интервью, по которым ответ модели не поместился в предел: {count}."
WARNING_DROPPED = "Отброшено высказываний, чьих цитат нет в расшифровке слово в слово: {count}."
WARNING_REMOVED = "Из вывода убрано предложений, которых цитаты не подтверждают: {count}."
WARNING_FORGOTTEN = "Записей, удалённых после исследования: {count}. Их цитаты убраны, счёт пересчитан."
WARNING_NO_SUMMARY = "Вывода нет: модель не написала ни одного предложения, которое подтверждают цитаты."

FORGOTTEN = (
    "Одну из записей, на которых держалось это исследование, удалили, поэтому его текст убран. "
    "Закажите исследование ещё раз: того, что уже прочитано в остальных записях, заново не спросим."
)

# --- offers, screens and files -------------------------------------------------------------------------------------
OFFER_ALL = "Прочитаю все подходящие записи: {reading}."
OFFER_LATEST = "Прочитаю {reading} самых новых записей из {matching}: больше за раз не читаю."
OFFER_TAKES = "Это займёт примерно {time}, {tokens} токенов, {price}."
OFFER_DEMONSTRATION = (
    "Языковая модель здесь демонстрационная: цитаты и счёт будут настоящими, а находит она мало и работает медленно."
)
TITLE = "Исследование: {question}"
ABOUT = "Вопрос: {question}"
BUTTON = "🔬 Глубже"
START = "🔬 Начать"
STORAGE = "📦 В хранилище"
OFFER = "🔬 <b>Глубокое исследование</b>\n{question}\n\n{lines}"
ORDERED = "🔬 Исследую: {question}\nХод работы — на карточке. Готовое придёт сюда и останется в «Мои отчеты»."
CLOSED = "Хорошо, без исследования."
NO_MODEL = (
    "Языковая модель отключена, а записи для исследования читает она. Ответ цитатами уже есть выше: спросите точнее, "
    "и он будет полнее. Расшифровки целиком — в хранилище."
)
