"""What people read about where questions are searched, and about better questions.

Values in braces are escaped before they are put in; screens are HTML.
"""

# --- what an answer was narrowed to ----------------------------------------------------------------------------------
WHERE = "🗂 Где искать"
NARROWED = "🗂 Искал только здесь: {conditions}."
LOOSE = "Под всё сразу не подходит ни одна запись, поэтому искал там, где совпало больше всего."
WIDER = "✖ {condition}"
PLACE = "«{value}»"
NUMBER = "№{value}"
ALTERNATIVE = " или "
SAID_BY = "говорит {value}"
SAID_BY_ROLELESS = "говорящий без роли"
MINE = "только мои записи"
DAY = "{day} {month} {year}"
DAY_OF_ANY_YEAR = "{day} {month}"
CORPORA = {"transcript": "расшифровки", "report": "отчёты", "document": "документы"}
ASKED_ALREADY = "Так уже спрашивали: ответ есть ниже или на подходе."

# --- where a chat is searched ----------------------------------------------------------------------------------------
WHERE_SCREEN = (
    "🗂 <b>Где искать</b> в чате №{number} «{title}»\n\nСейчас: {where}.\n\nВыбор остаётся для следующих вопросов этого "
    "чата. Заведение, город, человека, дату и номер интервью называйте в самом вопросе: «в отелях Казани за октябрь»."
)
EVERYWHERE = "во всём, что есть у команды"
CORPUS_BUTTONS = {"transcript": "Расшифровки", "report": "Отчёты", "document": "Документы"}
CHOSEN = "✅ {label}"
ANY_SCENARIO = "Любой вид"
OF_TEAM = "Вся команда"
OF_MINE = "Только мои"
ONE_CORPUS = "Хотя бы что-то одно нужно: расшифровки, отчёты или документы."

# --- better questions ------------------------------------------------------------------------------------------------
REFINE = "✨ Уточнить вопрос"
REFINING = "✨ Подбираю вопросы точнее…"
PROPOSALS = (
    "✨ <b>Уточнить вопрос</b>\n{question}\n\nМожно спросить точнее:\n{proposals}\n\n"
    "«Как есть» — спросить без изменений."
)
NO_PROPOSALS = (
    "✨ <b>Уточнить вопрос</b>\n{question}\n\n"
    "Точнее предложить не получилось. Можно спросить как есть или своими словами."
)
PROPOSAL = "{number}. {question}"
AS_IS = "Как есть"
BY_PLACE = "{question} — «{place}»?"
BY_CITY = "{question} — город {city}?"
BY_MONTH = "{question} за {month} {year} года?"

# --- prompts ---------------------------------------------------------------------------------------------------------
EARLIER_AS_DATA = "<диалог>\n{questions}\n</диалог>"
ARCHIVE_AS_DATA = "<архив>\n{lines}\n</архив>"
PLACES_AS_DATA = "Заведения: {values}"
CITIES_AS_DATA = "Города: {values}"
MONTHS_AS_DATA = "Месяцы: {values}"
MONTH = "{month} {year}"
