"""What people read about documents that are loaded to be asked about, in the chat and at the command line.

Values in braces are escaped before they are put in; the texts of the chat are HTML.
"""

STAGES = ("Загрузка", "Чтение")
LOADED = "📚 Документ №{number} загружен: <b>{name}</b>\nОн готовится к поиску, скоро по нему можно будет спрашивать."
KNOWN = "📚 Этот документ уже загружен: №{number}\n{name}"
OPEN = "📚 Открыть"

BUTTON = "📚 Документы"
TITLE = "📚 <b>Документы</b>"
ABOUT = "По ним, как и по записям, отвечаю всей команде. Загрузить ещё: пришлите файл {extensions}."
EMPTY = "Пока ни одного."
COUNT = "Всего: {total}."
COUNT_PAGES = "Всего: {total}. Страница {page} из {pages}."
LINE = "№{number} · {name} · {date}"
PREVIOUS = "◀"
NEXT = "▶"
CARD = "📚 <b>Документ №{number}</b>\n{name}\nЗагружен {date}: {person}\nЗнаков: {characters}\n{state}"
SEARCHABLE = "✅ По нему можно спрашивать"
PREPARED = "⏳ Готовится к поиску"
DELETE = "🗑 Удалить"
DELETE_QUESTION = "🗑 Удалить документ №{number} «{name}»?\nОтветов по нему больше не будет. Вернуть его нельзя."
DELETE_CONFIRM = "🗑 Да, удалить"
DELETED = "Документ №{number} удалён"
GONE = "Этого документа уже нет"
COMMAND_LINE = "из командной строки"

HELP = "Документы, по которым, как и по записям, бот отвечает всей команде."
HELP_ADD = "Загрузить документы: .txt, .md, .docx, .pdf. Тот же файл второй раз не загружается."
HELP_LIST = "Показать загруженные документы и их номера."
HELP_REMOVE = "Удалить документ с этим номером: ответов по нему больше не будет."
READING = "Читаю {name}…"
ADDED = "Загружен документ №{number}: {name}. К поиску его готовит работающий бот."
KNOWN_FILE = "Этот документ уже загружен: №{number} ({name})."
NO_SUCH = "Документа №{number} нет. Номера покажет scripts/run documents list."
