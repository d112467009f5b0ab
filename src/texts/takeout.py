"""Texts of what people take along: the REFI-QDA project and the archive of everything."""

PROJECT = "VoxPersona"

BUTTON = "⬇️ Выгрузить всё моё"
TITLE = (
    "⬇️ <b>Выгрузка</b>\n\n"
    "<b>Архив</b> — расшифровки, отчёты, данные записей, вопросы и ответы ({recordings}). Звука в нём нет: "
    "его можно прослушать и сохранить из карточки записи."
)
TITLE_QDPX = "<b>REFI-QDA</b> — расшифровки с кодами и цитатами для MAXQDA, ATLAS.ti, NVivo и QualCoder."
NOTHING = "⬇️ <b>Выгрузка</b>\n\nВыгружать пока нечего: ни расшифровок, ни отчётов, ни вопросов."
ARCHIVE = "🗄 Архив (.zip)"
QDPX = "🧩 REFI-QDA (.qdpx)"
MAKING = "Собираю файл…"
MAKING_ALREADY = "Этот файл я уже собираю: пришлю, как только он будет готов"
PROGRESS = "⏳ <b>Собираю выгрузку</b>\n{counted}Пришлю файл сюда; пользуйтесь ботом как обычно."
COUNTED = "Записей: {done} из {total}\n"
MADE = "✔ Выгрузка собрана."
CANCELLED = "✖ Выгрузка отменена."
FAILED = "✖ <b>Выгрузка не собрана</b>\n{reason}"
TOO_LATE = "Эта выгрузка уже закончена"
CAPTIONS = {
    "zip": "🗄 Всё ваше: расшифровки, отчёты, данные записей, вопросы и ответы.",
    "qdpx": "🧩 Проект REFI-QDA: расшифровки, коды и цитаты. Откройте его в MAXQDA, ATLAS.ti, NVivo или QualCoder.",
}
FILE_NAME = "VoxPersona {day:%d.%m.%Y}.{extension}"

FOLDER = "{number} {stem}"
TRANSCRIPT = "Расшифровка"
ABOUT = "О записи.txt"
CHATS = "Вопросы и ответы.md"
CHAT = "# Чат {number}. {title}"
ASKED = "## {time:%d.%m.%Y %H:%M}. {question}"
NO_ANSWER = "*Ответа нет.*"
SOUND = "Звук"
SENT_TRANSCRIPT = "Присланная расшифровка"
RESEARCH = "Исследования"

HELP = "Выгрузить всё своё: архив и проект REFI-QDA."
HELP_SOUND = "Положить в архив и сами записи."
WRITTEN = "Готово: {path}"
LOST = "Не нашлось в расшифровках цитат: {count}."
