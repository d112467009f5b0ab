"""What people read about who may come in: invitations, people and their roles, the record of changes.

Values in braces are escaped before they are put in; the texts are HTML.
"""

REFUSED = (
    "По этому приглашению войти нельзя: им уже воспользовались, его отозвали, его срок вышел или вход для вас закрыт. "
    "Спросите того, кто вас пригласил. Ваш номер в Telegram: <code>{id}</code>"
)
CAME_IN = "✅ Приглашение принято. Ваша роль: {role}."
KNOWN = "ℹ️ У вас уже есть доступ, ваша роль: {role}. По ссылке она не меняется: о другой роли попросите администратора."

BUTTON = "👥 Доступ"
TITLE = "👥 <b>Доступ</b>\nЛюдей в команде: {people}. Действующих приглашений: {invitations}."
PEOPLE = "👤 Люди"
INVITATIONS = "✉️ Приглашения"
SECURITY = "🛡 Безопасность"

INVITATIONS_TITLE = "✉️ <b>Приглашения</b>"
INVITATIONS_ABOUT = (
    "По ссылке входит человек, которому вы её передали, и получает роль из приглашения. "
    "Ссылка действует 72 часа и показывается один раз."
)
INVITATIONS_NONE = "Действующих приглашений нет."
INVITATION_LINE = "№{number} · {role} · {used} из {uses} · до {until}"
INVITE = "➕ Пригласить"
CHOOSE_ROLE = "➕ <b>Новое приглашение</b>\nКем будет приглашённый?"
CHOOSE_USES = "➕ <b>Новое приглашение: {role}</b>\nСколько человек войдёт по этой ссылке?"
USES = {1: "Один", 5: "До пяти", 20: "До двадцати"}
LINK = "https://t.me/{bot}?start={code}"
MADE = (
    "✉️ <b>Приглашение №{number}</b>\nРоль: {role}. Войти могут: {uses}. Действует до {until}.\n\n"
    "{link}\n\nПерешлите это сообщение тому, кого приглашаете. Ссылку больше никто не увидит, и я тоже."
)
QR_FILE = "Приглашение {number}.png"
INVITATION_CARD = (
    "✉️ <b>Приглашение №{number}</b>\nРоль: {role}\nВошли: {used} из {uses}\nСоздано {created}: {person}\n"
    "Действует до {until}"
)
REVOKE = "🚫 Отозвать"
REVOKED = "Приглашение №{number} отозвано"
GONE = "Это приглашение уже не действует"

PEOPLE_TITLE = "👤 <b>Люди: {filter}</b>\nВсего: {total}."
PAGE = "Страница {page} из {pages}."
FILTERS = {
    "all": "все",
    "guest": "гости",
    "user": "исследователи",
    "admin": "руководители",
    "super_admin": "владельцы",
    "out": "не в команде",
}
PERSON_LINE = "{name} · {role}"
NAMELESS = "Без имени"
STATES = {"blocked": "заблокирован", "left": "не в команде"}
SEARCH = "🔎 Найти"
SEARCH_QUESTION = "🔎 Напишите имя или его часть, или номер в Telegram."
FOUND = "🔎 <b>Нашлись</b>\nПоказано не больше десяти: если нужного человека нет, напишите точнее."
NOBODY_FOUND = (
    "🔎 Никого не нашлось. Здесь те, кого уже впустили. Кого ещё нет, входит по ссылке: нажмите «➕ Пригласить» и "
    "отправьте её человеку."
)
PERSON_CARD = "👤 <b>{name}</b>\nНомер в Telegram: <code>{telegram_id}</code>\n{role}\nВпервые здесь: {date}"
BY_SETTINGS = "Роль: {role} (из настроек установки)"
GRANTED = "Роль: {role}"
CHANGE_ROLE = "🎭 Изменить роль"
ROLE_QUESTION = "🎭 Какую роль дать: <b>{name}</b>?"
ROLE_CHANGED = "Роль изменена"
BLOCK = "🚫 Заблокировать"
BLOCK_QUESTION = (
    "🚫 Заблокировать: <b>{name}</b>?\nРабота этого человека остановится, сеансы в браузере закроются, "
    "ответов и результатов он больше не получит. Записи и отчёты останутся."
)
BLOCK_CONFIRM = "🚫 Да, заблокировать"
BLOCKED = "Доступ закрыт"
UNBLOCK = "✅ Разблокировать"
UNBLOCKED = "Доступ открыт"
PREVIOUS = "◀"
NEXT = "▶"

SECURITY_TITLE = (
    "🛡 <b>Безопасность</b>\nЖурнал хранит всё, что меняли в доступе: записи в нём только добавляются, "
    "и каждая скреплена с предыдущей."
)
AUDIT = "📜 Журнал"
AUDIT_VERIFY = "🔏 Проверить журнал"
AUDIT_EXPORT = "⬇️ Выгрузить журнал"
AUDIT_TITLE = "📜 <b>Журнал</b> · страница {page} из {pages}"
AUDIT_EMPTY = "Таких записей нет."
AUDIT_OF = "О ком: {name}"
AUDIT_GROUPS = {
    "invites": ("Приглашения", ("invited", "revoked", "came_in")),
    "roles": ("Роли", ("role_changed",)),
    "blocks": ("Доступ", ("blocked", "unblocked", "left", "came_back")),
    "erasing": ("Удаления", ("erasure_ordered", "erased", "cut")),
}
AUDIT_SINCE = {"d7": ("7 дней", 7), "d30": ("30 дней", 30), "d365": ("Год", 365)}
AUDIT_CHOSEN = "• {filter}"
AUDIT_EVERYBODY = "Показать про всех"
AUDIT_LINE = "{number}. {when} · {who}: {what}"
AUDIT_ACTIONS = {
    "invited": "приглашение №{number} ({role}, мест: {uses})",
    "revoked": "отозвано приглашение №{number}",
    "came_in": "вход по приглашению №{number} ({role})",
    "role_changed": "роль {before} → {after}",
    "blocked": "доступ закрыт",
    "unblocked": "доступ открыт",
    "limit_changed": "предел «{resource}»: {before} → {after}",
    "role_limit_changed": "предел роли {role} «{resource}»: {before} → {after}",
    "left": "больше не назван в настройках",
    "came_back": "снова назван в настройках",
    "erasure_ordered": "удаление человека и его данных",
    "erased": "данные стёрты",
    "cut": "записи до №{up_to} убраны по сроку хранения",
}
SOMEBODY = "установка"
NO_ROLE = "без роли"
AUDIT_WHOLE = "✅ Журнал цел: записей {rows}.{cut}\nОтпечаток последней: {head}"
AUDIT_CUT = " Записи до №{number} убраны по сроку хранения, их отпечаток сходится."
AUDIT_BROKEN = (
    "❌ Журнал изменён в обход программы: запись №{broken} не такая, какой её внесли. Целых до неё: {rows}.\n"
    "Отпечаток последней целой: {head}\nСообщите тому, кто отвечает за безопасность, и сохраните последнюю копию базы."
)
AUDIT_FILE = "Журнал доступа.csv"
EXPORTED = "📜 Журнал доступа: кто, когда и что менял."
HELP_AUDIT = "Проверить, что журнал доступа никто не менял в обход программы."
