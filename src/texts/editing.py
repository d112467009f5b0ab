"""What people read when they correct a transcript, its speakers and words, and in the glossary.

Values in braces are escaped before they are put in; the texts are HTML, except reasons of refusals.
"""

from texts.units import Noun

NAME_TOO_LONG = "Имя слишком длинное: больше {most} символов. Пришлите покороче."
NAME_TAKEN = "«{name}» уже есть среди говорящих. Если это один человек, объедините их; если нет, уточните имя."
TEXT_TOO_LONG = "Реплика слишком длинная: больше {most} символов. Пришлите покороче."
NOTHING_TO_UNDO = "Отменять нечего: это самая первая расшифровка."
TURN_CHANGED = "Эту реплику тем временем исправили, ваш текст не записан. Найдите её заново и повторите."
NOT_SPLIT = "Реплика делится там, где стоит курсор: поставьте его между её словами."
NOTHING_TO_REDO = "Возвращать нечего: после отмены расшифровку уже правили, или ничего не отменяли."

SPEAKERS_BUTTON = "👥 Говорящие"
WORDS_BUTTON = "✏️ Исправить слова"
UNDO = "↩ Отменить правку"
UNDONE = "Правка отменена"
DONE = "Готово"

SPEAKERS = "👥 <b>Говорящие на записи №{number}</b>\n{file_name}"
SPEAKERS_HINT = "Нажмите на говорящего, чтобы назвать его, послушать или объединить с другим."
MORE_SPEAKERS = "…и ещё {count}."
SPEAKER_LINE = "<b>{place}. {label}</b> · {turns} · {time}\n«{quote}»"
SPEAKER_ON_BUTTON = "{place}. {label}"
MOVE_TURN = "↔ Передать реплику другому"
SPEAKER = "👤 <b>Кто это?</b>\nЗапись №{number} · {label}\n\n«{quote}»"
LISTEN = "▶ Послушать"
FRAGMENT = "▶ {label} · запись №{number}, {start}–{end}"
FRAGMENT_TITLE = "№{number} · {start}"
NAME = "✏️ Назвать"
NAME_IS = "Это {name}"
ROLE = "Роль: {role}"
ROLE_CHOSEN = "✓ {role}"
MERGE = "🔗 Это тот же человек, что…"
MERGE_WITH = "🔗 Кто это на самом деле?\nЗапись №{number} · {label}\n\nВсе реплики перейдут к тому, кого вы выберете."
ASK_NAME = (
    "👤 Как зовут этого говорящего? Запись №{number}, {label}.\nНапример: Мария, администратор. Прочерк «-» уберёт имя."
)

ASK_TURN = "↔ Какая реплика записи №{number} не у того человека?\nПришлите её время, например 12:41, или её слова."
TURN = "↔ <b>{time} {label}</b>\n«{text}»\n\nЧья это реплика?"
SOMEBODY_NEW = "Кто-то ещё"
TURN_NOT_FOUND = "Такой реплики не нашлось. Пришлите время, например 12:41, или слова в точности как в расшифровке."

ASK_WORDS = (
    "✏️ <b>Исправить слова в записи №{number}</b>\n{file_name}\n\nПришлите «было → стало», например:\n"
    "<code>в заре -&gt; в «Заре»</code>\nИли время либо слова из реплики: покажу её, и вы пришлёте её, как надо."
)
ASK_TEXT = "✏️ <b>{time} {label}</b>\n<code>{text}</code>\n\nПришлите эту реплику, как надо. Прочерк «-» уберёт её."
WORDS_NOT_FOUND = "«{wanted}» в расшифровке нет. Пришлите слова в точности как в ней, а между «было» и «стало» — «->»."
SAME_WORDS = "Было и стало одинаковы. Пришлите, например: в заре -> в «Заре»"
PLACES = "✏️ «{wanted}» → «{replacement}»: нашлось мест — {count}. Где исправить?"
EVERYWHERE = "Везде ({count})"
PLACE = "{time} …{text}…"
CORRECTED = "✏️ Исправлено в записи №{number}: «{wanted}» → «{replacement}», реплик: {count}."
TEXT_CORRECTED = "✏️ Реплика {time} записи №{number} исправлена."
NOTHING_CHANGED = "✏️ Запись №{number}: ничего не изменилось."
WHAT_FOLLOWS = "Файлы, поиск и новые отчёты — уже по исправленной расшифровке."
TO_GLOSSARY = "📖 «{term}» — в словарь"
MORE_WORDS = "✏️ Исправить ещё"

TURNS = Noun("реплика", "реплики", "реплик")

GLOSSARY = "📖 Словарь"
GLOSSARY_TITLE = (
    "📖 <b>Словарь</b>\nНазвания и имена, которые надо писать верно. Они помогают распознаванию следующих записей."
)
GLOSSARY_OWN = "<b>Ваши:</b> {terms}"
GLOSSARY_TEAM = "<b>Команды:</b> {terms}"
GLOSSARY_EMPTY = "Пока пусто. Добавьте, например, название отеля."
GLOSSARY_MORE = " и ещё {count}"
GLOSSARY_ADD = "➕ Добавить"
GLOSSARY_ADD_TEAM = "➕ Для всей команды"
GLOSSARY_REMOVE = "➖ Убрать"
GLOSSARY_WHICH = "📖 Что убрать из словаря?"
GLOSSARY_ASK = "📖 Пришлите названия или имена, как их надо писать: через запятую или каждое с новой строки."
GLOSSARY_ASK_TEAM = "📖 Пришлите названия или имена для словаря всей команды: через запятую или каждое с новой строки."
GLOSSARY_ADDED = "📖 Добавлено: {terms}"
GLOSSARY_REMOVED = "Убрано: {term}"
GLOSSARY_KEPT = "В словаре: {term}"
TEAM_TERM = "{term} · команда"
