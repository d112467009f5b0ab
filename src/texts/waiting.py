"""What people read about what waits for them.

Values in braces are escaped before they are put in; the texts are HTML.
"""

TITLE = "📌 <b>Ждут вас: {count}</b>"
LINE = "№{number} · {name} — {what}"
MORE = "…и ещё {count}: покажу, когда закончите с этими."
NOTHING = "📌 Вас ничего не ждёт."
BUTTON = "📌 Ждут вас: {count}"
OTHERS = "📌 Ждут ещё: {count}"
WHAT = {
    "kind": "сказать, что на записи",
    "metadata": "дополнить данные",
    "confirmation": "проверить данные",
    "reports": "выбрать отчёты",
}
OPEN = {
    "kind": "№{number} · Вид записи",
    "metadata": "№{number} · Данные",
    "confirmation": "№{number} · Проверить",
    "reports": "№{number} · Отчёты",
}
"""The button that leads to what a recording waits for."""
