"""What people read in chats. Values in braces are escaped before they are put in; screens are HTML, files are not."""

from texts.units import Noun

CHAT = Noun("чат", "чата", "чатов")
QUESTION = Noun("вопрос", "вопроса", "вопросов")
ANSWER = Noun("ответ", "ответа", "ответов")
CHARACTER = Noun("символ", "символа", "символов")

FRAMING_WORDS = (
    "сколько почему зачем откуда правда ли говорят сказал сказала сказали говорил говорили рассказал рассказали "
    "рассказывают расскажи скажи думают считают отмечают отметили упоминают упоминали назвали покажи найди "
    "клиент клиенты гость гости сотрудник люди человек интервью запись записи мнение отзыв отзывы вопрос"
)
"""Words with which questions are asked, whatever these are about."""
RECORDING = "Запись"

# --- answers -------------------------------------------------------------------------------------------------------
SEARCHING = "🔎 Ищу в записях…"
NO_QUESTION = "Не вижу вопроса. Напишите его словами, например: что гости говорят о завтраке?"
OTHER_MEDIA = {
    "photo": "Фотографии не читаю. Пришлите запись разговора или напишите вопрос о записях.",
    "sticker": "Стикеры не понимаю. Напишите вопрос словами, например: что гости говорят о завтраке?",
    "contact": "Контакты не нужны и не сохраняются. Кто говорит на записи, указывается в её данных: «🏷 Данные».",
    "location": "Место на карте не сохраняется. Заведение и город указываются в данных записи: «🏷 Данные».",
    "other": "Такие сообщения не читаю. Пришлите запись: голосовое, аудио, видео или файл — или напишите вопрос.",
}
"""What is said to a message without words, by what it has instead."""
OTHER_MEDIA_GUEST = {
    **OTHER_MEDIA,
    "photo": "Фотографии не читаю. Напишите вопрос о записях, например: что гости говорят о завтраке?",
    "other": "Такие сообщения не читаю. Напишите вопрос о записях, например: что гости говорят о завтраке?",
}
"""The same for people who send no recordings."""
QUESTION_TOO_LONG = (
    "Вопрос слишком длинный: {length}, а можно не больше {longest}. Оставьте главное или спросите по частям."
)
GREETING = "Здравствуйте! Спросите о записях, например: что гости говорят о завтраке?"
WELCOME = "Пожалуйста! Появится вопрос о записях — просто напишите."
UNDERSTOOD = "Хорошо. Появится вопрос о записях — просто напишите."
GOODBYE = "До встречи! Вопрос о записях можно задать в любое время."
NO_ANSWER = "В базе знаний нет ответа на этот вопрос."
NO_TRANSCRIPTS = "Расшифрованных записей пока нет. Как только они появятся, по ним можно будет спрашивать."
SOURCE_DELETED = "Ответ убран: запись или документ, которые он цитировал, удалены. Можно спросить ещё раз."
PART_GONE = "Продолжение ответа убрано вместе с тем, что он цитировал."
NO_ANSWER_MARK = "НЕТ ОТВЕТА"
"""What the model is told to write when the passages do not answer the question. The prompt has the same words."""
QUESTION_HEAD = "<i>❓ {question}</i>"
OPEN_SOURCE = "▶ {number}"
SOURCES_HEAD = "📎 <b>Источники</b>"
SOURCE = "[{number}] {what}, {speakers}{start}–{end}"
SOURCE_WRITTEN = "[{number}] {what}{section}"
SOURCE_OF = "{label} №{recording}{owner}, {day}"
OF_OTHERS = " ({owner})"
SOURCE_SECTION = ", раздел «{section}»"
REPORT = "Отчёт «{report}»: {recording}"
DOCUMENT = "Документ «{name}»"
SPEAKERS = "{speakers}, "
QUOTE = "«{text}»"
NOTE = "ℹ️ {note}"
NOTE_NO_MODEL = "Языковая модель отключена, поэтому ответ — сами цитаты из записей."
NOTE_MODEL_FAILED = "Языковая модель не ответила, поэтому ответ — сами цитаты из записей. Можно спросить ещё раз."
NOTE_NOT_CITED = "Языковая модель не подтвердила свой ответ цитатами, поэтому вот сами цитаты из записей."
NOTE_NO_MODEL_REPORTS = (
    "Языковая модель отключена. В записях подходящего не нашлось, поэтому ответ — выдержки из отчётов."
)
NOTE_MODEL_FAILED_REPORTS = (
    "Языковая модель не ответила. В записях подходящего не нашлось, поэтому ответ — выдержки из отчётов. "
    "Можно спросить ещё раз."
)
NOTE_NOT_CITED_REPORTS = (
    "Языковая модель не подтвердила свой ответ цитатами. "
    "В записях подходящего не нашлось, поэтому вот выдержки из отчётов."
)
OF_REPORTS = {
    NOTE_NO_MODEL: NOTE_NO_MODEL_REPORTS,
    NOTE_MODEL_FAILED: NOTE_MODEL_FAILED_REPORTS,
    NOTE_NOT_CITED: NOTE_NOT_CITED_REPORTS,
}
"""Notes about quotes, and how they read when nothing but reports can be quoted."""
NOTE_UNSUPPORTED = "Часть ответа языковой модели убрана: слова записей её не подтверждают."
NOTE_BROKEN_OFF = "Ответ оборвался: программу перезапустили. Чтобы получить его целиком, спросите ещё раз."
NOTE_TRUNCATED = "Ответ не поместился целиком. Спросите о меньшем."
FAILED = "❌ Ответить не получилось. Задайте вопрос ещё раз."

# --- prompts ---------------------------------------------------------------------------------------------------------
DIALOG_AS_DATA = "<диалог>\n{turns}\n</диалог>"
TURN_AS_DATA = "Вопрос: {question}\nОтвет: {answer}"
PASSAGES_AS_DATA = "<отрывки>\n{passages}\n</отрывки>"
PASSAGE_AS_DATA = "[{number}] {what}\n{lines}"
LINE_AS_DATA = "({time}) {speaker}{text}"
LINE_SPEAKER = "{speaker}: "
QUESTION_AS_DATA = "<вопрос>\n{question}\n</вопрос>"

# --- screens ---------------------------------------------------------------------------------------------------------
MENU = "💬 Чаты/Диалоги"
LIST = "💬 <b>Чаты</b>: {count}. Чтобы спросить, просто напишите вопрос.\nСейчас открыт №{number} «{title}»."
LIST_PAGE = "Страница {page} из {pages}."
UNTITLED = "Новый чат"
LISTED = "№{number} · {title}"
LISTED_ACTIVE = "▶ №{number} · {title}"
PREVIOUS = "◀"
NEXT = "▶"
NEW = "➕ Новый чат"
STATISTICS = "📊 Статистика"
CARD = "💬 <b>Чат №{number}</b>\n{title}\n\n{questions} · {answers}\nСоздан {created}, последний вопрос {updated}"
CARD_EMPTY = "💬 <b>Чат №{number}</b>\n{title}\n\nВопросов ещё не было. Создан {created}"
CARD_ACTIVE = "Этот чат открыт: напишите вопрос."
SWITCH = "💬 В чат"
RENAME = "✏️ Переименовать"
DELETE = "🗑️ Удалить"
HISTORY = "📜 Получить историю"
CHATS = "💬 К чатам"
SWITCHED = "💬 <b>Чат №{number}</b> «{title}»\n\nНапишите вопрос, и я отвечу по вашим записям."
ASK_TITLE = "✏️ Введите новое название чата №{number} «{title}», от 1 до {longest} символов:"
QUESTIONS_LEFT = "Данные записи отложены, введённое сохранено. Вернуться к ним: /status."
TITLE_BLANK = "Название пустое. Отправьте название текстом."
TITLE_TOO_LONG = "В названии {length}, а можно не больше {longest}. Отправьте название короче."
RENAMED = "✅ Чат №{number} теперь называется «{title}»."
DELETE_QUESTION = (
    "🗑️ Удалить чат №{number} «{title}»?\n\nВ нём {questions} и {answers}. Вернуть их и оценки нельзя. "
    "Номера остальных чатов не изменятся."
)
DELETE_CONFIRM = "🗑️ Да, удалить"
CHAT_GONE = "❌ Этого чата больше нет: его удалили, пока вы вводили название."
DELETED = "🗑️ Чат №{number} «{title}» удалён."

# --- history ---------------------------------------------------------------------------------------------------------
HISTORY_QUESTION = "📜 В каком виде прислать историю чата №{number} «{title}»?"
HISTORY_CAPTION = "📜 Чат №{number} «{title}»: {questions}{day}"
HISTORY_OF_DAY = " за {day}"
HISTORY_NONE = "📜 В чате №{number} «{title}» вопросов ещё не было."
HISTORY_NONE_OF_DAY = "📜 За {day} в чате №{number} «{title}» вопросов нет."
HISTORY_ELSEWHERE = "В этот день спрашивали в других чатах:"
HISTORY_BAD_DAY = "❌ {reason}. Например: /history 03.11.2026"
HISTORY_FILE = "Чат {number} {title}{day}.{extension}"
HISTORY_FILE_DAY = " за {day}"
FILE_HEAD = "ЧАТ №{number} «{title}»\nВыгружено: {exported}"
FILE_DAY = "Вопросы за {day}"
FILE_QUESTION = "[{time}] ВОПРОС"
FILE_ANSWERS = {"fast": "ОТВЕТ", "deep": "ОТВЕТ (глубокое исследование)"}
FILE_UNANSWERED = "(ответа ещё нет)"
FILE_SOURCES = "Источники:"
FILE_LINE = "-" * 60
MARKDOWN_HEAD = "# Чат №{number} «{title}»\n\nВыгружено: {exported}"
MARKDOWN_QUESTION = "## {time} — вопрос"
MARKDOWN_ANSWERS = {"fast": "**Ответ**", "deep": "**Ответ (глубокое исследование)**"}
MARKDOWN_SOURCES = "Источники:"

# --- statistics ------------------------------------------------------------------------------------------------------
FIGURES = (
    "📊 <b>Статистика</b>\n\n<b>За 30 дней</b>\n{recent}\n\n<b>За всё время</b>\n{all}\n\n"
    "<b>Оценки ответов</b>\n{ratings}\n\nУдалённые чаты не учтены."
)
FIGURES_OF = (
    "Чатов: {chats}\nВопросов: {questions}\nОтветов: {answers} (быстрых {fast}, глубоких {deep}, "
    "без ответа в базе {unanswered})\nТокенов: {tokens}"
)
