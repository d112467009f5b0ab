"""What people read in Telegram. Values in braces are escaped before they are put in; the texts are HTML."""

MENU_TITLE = "🏠 <b>Главное меню:</b>"
BACK = "« Назад"
CANCEL = "❌ Отмена"
OUTDATED = "Эта кнопка устарела"
