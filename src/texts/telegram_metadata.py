"""What people read in Telegram about a recording's metadata: questions, the confirmation card, what follows.

Values in braces are escaped before they are put in; the texts are HTML.
"""

CAPTION_PROBLEMS = "✍️ <b>Запись №{number}</b>: подпись разобрана не вся.\n{problems}\nСпрошу об этом отдельно."
CAPTION_PROBLEM = "• {field} — {reason}"

NOT_GIVEN = "—"
LINE = "{field}: <b>{value}</b>"

QUESTION = "🏷 <b>Запись №{number}</b>\n{question}"
PROBLEM = "⚠️ Не получилось: {reason}."
HINT_SKIP = "Можно нажать «⏭ Пропустить»: поле останется пустым, заполнить его можно позже."
HINT_BACK = "Можно нажать «« Назад»: поле останется таким, каким было."
NOW = "Сейчас: {value}"
SKIP = "⏭ Пропустить"
SKIP_ALL = "Пропустить все"

CONFIRMATION = "<b>Проверка введённых данных</b>\nЗапись №{number} · {file_name}\n\n{lines}"
CONFIRM = "Подтвердить"
EDIT = "Изменить"
EDIT_TITLE = "✏️ <b>Запись №{number}</b>\nЧто изменить?"
PRESS_A_BUTTON = (
    "Здесь нужна кнопка, а не текст: «Подтвердить», если всё верно, или «Изменить», если нет. "
    "Выйти из вопросов — /cancel."
)
CONFIRMED = "✅ Данные записи №{number} сохранены."
FINISH_FIRST = "Сначала закончите с данными записи №{number}: ответьте, подтвердите или нажмите /cancel"

CANCELLED = "Вопросы отменены, введённое сохранено. Данные записи всегда можно дополнить в хранилище."
CANCELLED_OTHER = "Отменено."
NOTHING_TO_CANCEL = "Отменять нечего."
