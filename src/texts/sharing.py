"""What people read as they share a private recording. Values in braces are escaped; the texts are HTML."""

BUTTON = "🤝 Поделиться"
TITLE = (
    "🤝 <b>Запись №{number}</b>\n{file_name}\n\n"
    "Кому, кроме вас, отвечать по этой записи? Нажмите имя; ✅ стоит у тех, с кем вы уже поделились. "
    "Ещё одно нажатие закроет запись снова."
)
NOBODY = "🤝 <b>Запись №{number}</b>\n{file_name}\n\nПоделиться пока не с кем: в команде больше никого нет."
SHARED = "✅ {name}"
NOT_SHARED = "{name}"
SET = {"on": "Теперь по записи №{number} отвечаю и этому человеку", "off": "Запись №{number} для него снова закрыта"}
