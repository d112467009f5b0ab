"""What people read in Telegram about a recording's metadata: questions, the confirmation card, what follows.

Values in braces are escaped before they are put in; the texts are HTML.
"""

CAPTION_PROBLEMS = "✍️ <b>Запись №{number}</b>: подпись разобрана не вся.\n{problems}\nВпишите это в форме ниже."
CAPTION_PROBLEM = "• {field} — {reason}"

NOT_GIVEN = "—"
LINE = "{field}: <b>{value}</b>"

QUESTION = "🏷 <b>Запись №{number}</b>\n{question}"
QUESTION_STEP = "🏷 <b>Запись №{number}</b> · шаг {step} из {steps}\n{question}"
PROBLEM = "⚠️ Не получилось: {reason}."
HINT_SKIP = "Можно нажать «⏭ Пропустить»: поле останется пустым, заполнить его можно позже."
HINT_BACK = "Можно нажать «Назад»: поле останется таким, каким было."
NOW = "Сейчас: {value}"
SKIP = "⏭ Пропустить"
TODAY = "Сегодня"

CONFIRMATION = "<b>Проверка введённых данных</b>\nЗапись №{number} · {file_name}\n\n{lines}"
LINE_OFFERED = "{line} ↩"
OFFERED = "↩ — подставлено само, проверьте."
OFFERED_FROM = "↩ — подставлено само, проверьте: {origins}."
OFFERED_BY = "{fields} — как в записи №{by} того же дня"
OFFERED_SAID = "{fields} — по расшифровке"
LACKING = "➕ Не хватает: {fields}. Нажмите поле, чтобы вписать; подтвердить можно и без них."
LACKING_FIELD = "➕ {field}"
FILL_IN = "✍️ По порядку"
CONFIRM = "Подтвердить"
EDIT = "Изменить"
PRESS_A_BUTTON = (
    "Здесь нужна кнопка, а не текст: «Подтвердить», если всё верно, или кнопка поля, если нет. "
    "Выйти из вопросов — /cancel."
)
IS_IT_A_QUESTION = "❓ «{text}»\nЭто ответ или вопрос?"
IT_IS_A_VALUE = "✍️ Это ответ"
IT_IS_A_QUESTION = "❓ Это вопрос"
CONFIRMED = "✅ Данные записи №{number} сохранены."

CANCELLED = "Вопросы отменены, введённое сохранено. Данные записи всегда можно дополнить в хранилище."
CANCELLED_OTHER = "Отменено."
NOTHING_TO_CANCEL = "Отменять нечего."
