"""What people read about ratings of answers. Values in braces are escaped before they are put in."""

LABELS = ("👎 1", "2", "3", "4", "👍 5")
CHOSEN = "✅ {stars}"
THANKS = "Оценка {stars} из 5 сохранена."
BAD_THANKS = "Оценка {stars} из 5 сохранена. Напишите в комментарии, чего не хватило."
COMMENT = "💬 Комментарий"
COMMENT_AGAIN = "💬 Изменить комментарий"
ASK_COMMENT = (
    "💬 Вопрос: «{question}». Что в ответе хорошо, а чего не хватило? Напишите одним сообщением, до {longest} символов."
)
COMMENT_BLANK = "Комментарий пустой. Отправьте его текстом."
COMMENT_TOO_LONG = "В комментарии {length}, а можно не больше {longest}. Отправьте его короче."
COMMENT_KEPT = "✅ Комментарий сохранён. Спасибо!"
COMMENT_CANCELLED = "Комментарий отменён. Чтобы спросить, просто напишите вопрос."
ANSWER_GONE = "❌ Этого ответа больше нет: его чат удалили, пока вы писали комментарий."

NONE = "Оценок пока нет. Их ставят кнопками под ответами."
FIGURES = "Оценок: {count}, в среднем {average}. Хороших (4–5): {good}, плохих (1–2): {bad}"
TREND = "За 30 дней к предыдущим 30: {change}"
PARTIAL = "Данные неполные: база сейчас недоступна."
PARTIAL_NONE = "Оценки сейчас не посчитать: база недоступна. Попробуйте позже."
ALL_RATINGS = "⭐ Оценки всех"
ALL_HEAD = "⭐ <b>Оценки ответов у всех</b>"
MODELS_HEAD = "<b>По моделям</b> (последние первыми)"
MODEL = "• {model}, промпт {version}: ответов {answers}, оценок {ratings}, в среднем {average}, 4–5: {good}, 1–2: {bad}"
MODEL_UNRATED = "• {model}, промпт {version}: ответов {answers}, оценок нет"
NO_VERSION = "прежний"
