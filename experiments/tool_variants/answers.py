"""The hand-written answers: for each scenario and tool set, what three samples say and call.

Calls are written as abilities; `record.py` turns them into the names of the tool set. The two sets mostly agree, as
they would with equal abilities; where they part, the app-like side looks things up first or files them elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Call:
    """A call of the ability that the baseline set calls `tool`."""

    tool: str
    arguments: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: text, calls, or both."""

    text: str
    calls: tuple[Call, ...] = ()


def call(tool: str, **arguments: Any) -> Call:
    """Return a call of the ability whose baseline tool is `tool`."""
    return Call(tool, arguments)


def say(text: str, *calls: Call) -> Said:
    """Return an answer that speaks, with or without calls."""
    return Said(text, calls)


def do(*calls: Call) -> Said:
    """Return an answer of calls alone, without a word."""
    return Said("", calls)


@dataclass(frozen=True, slots=True)
class Answers:
    """Three samples for each tool set."""

    baseline: tuple[Said, Said, Said]
    applike: tuple[Said, Said, Said]


_PASSPORT = call("add_task", title="Renew passport", due="2026-03-06")
_PASSPORT_HIGH = call("add_task", title="Renew passport", due="2026-03-06", priority="high")
_DENTIST = call("create_event", title="Dentist", start="2026-03-05T14:30", minutes=45)
_LATE = call("send_message", to="Lena Okafor", text="I'm running ten minutes late.")
_LATE_SORRY = call("send_message", to="Lena Okafor", text="Sorry, I'm running ten minutes late!")
_GIFT = call("write_note", title="Birthday idea for Mum", text="A pottery class")
_GIFT_LIST = call("append_to_note", title="Gift ideas", text="Mum's birthday: a pottery class")
_CHECK_IN = call("add_task", title="Check in online", due="2026-03-08")
_CHECK_IN_OSLO = call("add_task", title="Check in online for Oslo", due="2026-03-08")
_PACK = call("add_task", title="Pack", due="2026-03-08")
_PACK_OSLO = call("add_task", title="Pack for Oslo", due="2026-03-08")
_BUDGET = call("move_event", title="Budget review", start="2026-03-04T10:00")
_STAND_UP = call("cancel_event", title="Stand-up", day="2026-03-05")
_AMIR = call("add_contact", name="Amir Haddad", email="amir@example.org")
_COFFEE = call(
    "create_event", title="Coffee with Amir", start="2026-03-04T15:00", minutes=30, attendees=["Amir Haddad"]
)
_COFFEE_ALONE = call("create_event", title="Coffee with Amir Haddad", start="2026-03-04T15:00", minutes=30)
_PRINTER = call("complete_task", title="Fix the printer")
_PRINTER_SHORT = call("complete_task", title="Printer")
_TAX = call("reschedule_task", title="Tax return", due="2026-03-31")
_TODAY = call("list_events", day="2026-03-03")
_DUE_TODAY = call("list_tasks", status="open", due="2026-03-03")
_OPEN = call("list_tasks", status="open")
_GAP = call("find_free_time", day="2026-03-05", minutes=60)
_THURSDAY = call("list_events", day="2026-03-05")
_WIFI = call("search_notes", query="cabin wifi")
_WIFI_PASSWORD = call("search_notes", query="cabin wifi password")
_ALEX = call("find_contact", name="Alex")
_ADDRESS = call("search_notes", query="address")

ANSWERS: Final[dict[str, Answers]] = {
    "renew_passport": Answers(
        baseline=(do(_PASSPORT), say("I'll put it on your list for Friday.", _PASSPORT), do(_PASSPORT_HIGH)),
        applike=(do(_PASSPORT), do(_PASSPORT), say("Adding it, due Friday 6 March.", _PASSPORT)),
    ),
    "book_dentist": Answers(
        baseline=(do(_DENTIST), do(_DENTIST), say("Booking Thursday, 14:30 to 15:15.", _DENTIST)),
        applike=(do(_DENTIST), say("Putting the dentist in for Thursday.", _DENTIST), do(_DENTIST)),
    ),
    "running_late": Answers(
        baseline=(do(_LATE), say("Letting Lena know.", _LATE), do(_LATE_SORRY)),
        applike=(do(_LATE), do(_LATE_SORRY), say("I'll tell Lena.", _LATE)),
    ),
    "gift_idea": Answers(
        baseline=(do(_GIFT), say("Noting it down.", _GIFT), do(_GIFT)),
        applike=(do(_GIFT), say("Adding it to your gift ideas.", _GIFT_LIST), do(_GIFT)),
    ),
    "trip_to_oslo": Answers(
        baseline=(
            do(_CHECK_IN, _PACK),
            say("Two tasks for Sunday, coming up.", _CHECK_IN_OSLO, _PACK_OSLO),
            do(_CHECK_IN_OSLO, _PACK_OSLO),
        ),
        applike=(
            do(_CHECK_IN, _PACK),
            say("Adding both for Sunday 8 March.", _CHECK_IN, _PACK_OSLO),
            do(_CHECK_IN_OSLO, _PACK_OSLO),
        ),
    ),
    "swap_meetings": Answers(
        baseline=(
            say("Moving the review and cancelling the stand-up.", _BUDGET, _STAND_UP),
            do(_BUDGET, _STAND_UP),
            say("Both changes are on their way.", _BUDGET, _STAND_UP),
        ),
        applike=(
            do(_BUDGET, _STAND_UP),
            say("Let me see Thursday before I cancel anything there.", _BUDGET, _THURSDAY),
            say("Moving one, cancelling the other.", _BUDGET, _STAND_UP),
        ),
    ),
    "new_colleague": Answers(
        baseline=(
            do(_AMIR, _COFFEE),
            say("Saving Amir and booking the coffee.", _AMIR, _COFFEE),
            say("Done in two steps.", _AMIR, _COFFEE_ALONE),
        ),
        applike=(
            do(_AMIR, _COFFEE),
            say("Saving the contact, then the coffee.", _AMIR, _COFFEE_ALONE),
            say("Amir first, then tomorrow at 15:00.", _AMIR, _COFFEE),
        ),
    ),
    "tidy_list": Answers(
        baseline=(
            do(_PRINTER, _TAX),
            say("One off the list, one moved to 31 March.", _PRINTER, _TAX),
            say("Ticking off the printer and moving the tax return.", _PRINTER_SHORT, _TAX),
        ),
        applike=(
            do(_PRINTER, _TAX),
            say("I'll look up what the tasks are called first.", _OPEN),
            say("Updating both tasks.", _PRINTER, _TAX),
        ),
    ),
    "todays_agenda": Answers(
        baseline=(do(_TODAY), say("Checking your day.", _TODAY), do(_TODAY, _DUE_TODAY)),
        applike=(do(_TODAY, _DUE_TODAY), say("Looking at today.", _TODAY), do(_TODAY, _DUE_TODAY)),
    ),
    "open_tasks": Answers(
        baseline=(do(_OPEN), say("Here is what I look up: your open tasks.", _OPEN), do(_OPEN)),
        applike=(do(_OPEN), do(_OPEN), say("Checking your list.", _OPEN)),
    ),
    "free_hour": Answers(
        baseline=(do(_GAP), say("Looking for an hour on Thursday.", _GAP), do(_GAP)),
        applike=(do(_GAP), say("Let me see what Thursday looks like.", _THURSDAY), do(_GAP)),
    ),
    "cabin_wifi": Answers(
        baseline=(do(_WIFI), say("Searching your notes.", _WIFI_PASSWORD), do(_WIFI_PASSWORD)),
        applike=(do(_WIFI), do(_WIFI), say("I'll search your notes for it.", _WIFI)),
    ),
    "team_meeting": Answers(
        baseline=(
            say("When should it be, how long, and who is in the team?"),
            say("Happy to. Which day and time, and who should come?"),
            say("What day and time suit you, and whom shall I invite?"),
        ),
        applike=(
            say("Who should be there, and when?"),
            say("Sure: which day, how long, and with whom?"),
            say("Which day and time, and who is on the team?"),
        ),
    ),
    "delete_that": Answers(
        baseline=(
            say("Which one do you mean: a task, an event or a note?"),
            say("I'm not sure what to delete. What is it called?"),
            say("Could you tell me its title, and whether it is a task, an event or a note?"),
        ),
        applike=(
            say("What should I delete? Please give me its title."),
            say("Do you mean a task, a note or an event?"),
            say("I don't know which one you mean. Which?"),
        ),
    ),
    "which_alex": Answers(
        baseline=(
            say("Which address do you mean, and which Alex?"),
            say("Let me see which Alex you know. Which address should I send?", _ALEX),
            say("Which address should I send to Alex?"),
        ),
        applike=(
            say("Looking up Alex and the address.", _ALEX, _ADDRESS),
            say("Which address should Alex get?"),
            say("I'll check your contacts. Which address is it?", _ALEX),
        ),
    ),
    "push_it_back": Answers(
        baseline=(
            say("Which appointment, and to what time?"),
            say("Let me see today's appointments. By how much should it move?", _TODAY),
            say("Which appointment do you mean, and how much later?"),
        ),
        applike=(
            say("Checking which appointment it could be.", _TODAY),
            say("Which one, and until when?"),
            say("How much later, and which appointment?", _TODAY),
        ),
    ),
    "thanks": Answers(
        baseline=(
            say("You're welcome!"),
            say("Any time. Have a good day!"),
            say("You're welcome, enjoy your day!"),
        ),
        applike=(say("You're welcome!"), say("Glad to help!"), say("Any time!")),
    ),
    "what_can_you_do": Answers(
        baseline=(
            say("I can keep your tasks, calendar, notes and contacts, and send messages."),
            say("Tasks, appointments, notes, contacts and short messages."),
            say("I add and move tasks and events, find free time, keep notes, and message your contacts."),
        ),
        applike=(
            say("I look after your tasks, calendar, notes and people."),
            say("I can manage tasks, calendar, notes and contacts, and message people for you."),
            say("Tasks, calendar, notes, and reaching your contacts."),
        ),
    ),
    "decline_politely": Answers(
        baseline=(
            say("Thank you so much for inviting me. Sadly I can't make it that evening."),
            say("How kind of you to think of me! Unfortunately I already have plans."),
            say("Many thanks for the invitation. I'm afraid I won't be able to join you this time."),
        ),
        applike=(
            say("Thank you for the kind invitation. Unfortunately I can't come that evening."),
            say("It's lovely of you to ask. I'm sorry to say I can't be there."),
            say("Thank you very much for inviting me. I'm sorry that I have to decline this time."),
        ),
    ),
    "order_pizza": Answers(
        baseline=(
            say("I can't place orders, but I can put it on your list if you like."),
            say("I have no way to order food. Shall I remind you to do it?"),
            say("Ordering isn't something I can do. I could add a task for it."),
        ),
        applike=(
            say("I can't order food. Would a reminder help?"),
            say("Orders are beyond me; I've put it on your list.", call("add_task", title="Order a large pizza")),
            say("I can't order a pizza, only remind you to."),
        ),
    ),
}
