"""What the router itself tells people. Values in braces are escaped before they are put in; the texts are HTML."""

ONLY_PRIVATE = "Я работаю только в личном чате"
BY_INVITATION = (
    "Этим ботом пользуются по приглашению. Попросите владельца бота добавить вас и передайте ему ваш номер в Telegram: "
    "<code>{id}</code>"
)
NO_OWNER = (
    "У этого бота ещё нет владельца. Если он ваш, впишите в файл .env строку\n"
    "<code>OWNER_TELEGRAM_ID={id}</code>\n"
    "и перезапустите программу."
)
UNKNOWN_COMMAND = "Такой команды нет. Что я умею, расскажет /help."
GIVEN_UP = (
    "Не получилось обработать то, что вы отправили, хотя я пробовал несколько раз. "
    "Попробуйте ещё раз; если не поможет, сообщите администратору."
)
WITH_CODE = "{text}\n\nКод для администратора: <code>{code}</code>"
