"""Invented examination questions: an evaluation set that no real corpus can contain.

Every question has at least thirteen words (GPT-3's n-gram length, Brown et al. 2020, appendix C)
and names people and places that do not exist, so that a hit is a planted one.
"""

# ruff: noqa: E501 (sentences stay in one piece)
from __future__ import annotations

QUESTIONS: tuple[tuple[str, str], ...] = (
    (
        "A ferry leaves Tarnholm at nine and reaches the island of Vesk forty minutes later; at what time does it arrive?",
        "Twenty to ten.",
    ),
    (
        "Orla Quennell stacks seventeen crates in rows of five; how many crates stand in the row that is not full?",
        "Two.",
    ),
    (
        "Which property of the mineral brannerite makes the miners of Upper Dalvik wear lead aprons when they carry it?",
        "Its radioactivity.",
    ),
    (
        "If the reservoir above Kessendale loses three centimetres of water each day, how far does it fall within two weeks?",
        "Forty-two centimetres.",
    ),
    (
        "In the parable of the glassblower of Montressil, what does the youngest apprentice give away before he leaves the town?",
        "His only lamp.",
    ),
    (
        "Why does the bimetal strip in Pell's thermostat bend towards the steel side when the kitchen at Harrowgate warms up?",
        "Brass expands more than steel.",
    ),
    (
        "A tailor in Lower Minsby cuts nine metres of linen into pieces of seventy-five centimetres; how many pieces does she get?",
        "Twelve.",
    ),
    (
        "What does the word 'larkmeadow' stand for in the fourth stanza of Ibsley's poem about the drowned railway station?",
        "The poet's childhood.",
    ),
    (
        "Which of the four lighthouses on the Corran coast would a sailor coming from the north see first on a clear night?",
        "The one at Skelhead.",
    ),
    (
        "Two trains start from Ardvale and Pomfrey, three hundred kilometres apart, at sixty and ninety kilometres an hour; when do they meet?",
        "After two hours.",
    ),
    (
        "According to the charter of Old Brennick, who was allowed to keep the keys of the granary during the winter months?",
        "The oldest widow of the parish.",
    ),
    (
        "How many litres of paint does Joss Embry need for a fence of forty square metres if one litre covers eight?",
        "Five.",
    ),
    (
        "What happens to the pitch of the bell on Saint Orvin's tower when the winter frost makes the bronze a little shorter?",
        "It rises slightly.",
    ),
    (
        "Name the organ with which the blind cave fish of Lake Umbra notices that a predator is swimming towards it.",
        "The lateral line.",
    ),
    (
        "If every household in Fennimore saves eleven kilowatt hours a week, how much do its two hundred households save in four weeks?",
        "Eight thousand eight hundred kilowatt hours.",
    ),
    (
        "Why did the parliament of Greater Yarrow, in its third session, refuse to print the map that Captain Dellory had drawn?",
        "It showed a strait that did not exist.",
    ),
    (
        "A rectangular garden behind the school in Wexcombe is eighteen metres long and half as wide; what is its perimeter?",
        "Fifty-four metres.",
    ),
    (
        "Which gas collects under the ceiling of the Tolvane mine when the pumps stop, and why is it a danger to the workers?",
        "Methane, because it explodes.",
    ),
    (
        "In what order should the nurse Alda Remmick treat a burn, a fainting spell and a deep cut that bleeds heavily?",
        "The cut, the fainting spell, the burn.",
    ),
    (
        "What is the shortest sequence of moves that brings the red counter home in the board game of Siskin's Ladder?",
        "Three jumps and a turn.",
    ),
    (
        "The recipe for Marrow Hill bread asks for five parts of flour to three of water; how much water goes with two kilograms of flour?",
        "One point two kilograms.",
    ),
    (
        "Explain why the shadow of the sundial in Ostrey's market square is longest on the shortest day of the whole year.",
        "The sun stands lowest then.",
    ),
    (
        "Which clause of the treaty between Norrland and the Seven Harbours allowed fishermen to dry their nets on foreign beaches?",
        "The ninth.",
    ),
    (
        "A coin from the Pellworth hoard weighs seven grams and is two thirds silver; how many grams of copper can it hold at most?",
        "Two and a third grams.",
    ),
    (
        "What did the astronomer Ludovica Fenn conclude when the third moon of Calder rose eleven minutes later than she had computed?",
        "That a fourth moon pulled at it.",
    ),
)
