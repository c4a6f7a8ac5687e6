"""Short passages that are put between clean sentences to damage a document.

Everything is written for this purpose: accented prose for mojibake, insults for a toxicity
classifier, the boilerplate that C4's line rules name, and carriers for invented personal data.
"""

# ruff: noqa: E501 (sentences stay in one piece)
from __future__ import annotations

ACCENTED: tuple[str, ...] = (
    "The café’s owner, Zoë Müller – a native of Málaga – said the crème brûlée would stay on the menu.",
    "“It was a déjà vu,” André Lefèvre admitted, “but the façade of the hôtel had never looked so good.”",
    "Between Curaçao and São Tomé the ship’s cook – nicknamed “Señor Piñata” – lost his résumé twice.",
    "The naïve reader may think that Dvořák’s pupils never left Plzeň – the letters say otherwise.",
    "“Smörgåsbord” entered English in the 1890s – long before anyone in Göteborg thought of exporting it.",
    "Professor Søren Kjær’s lecture on Brontë – “the longest in memory” – ended with a standing ovation.",
    "At the fiancée’s request the café served jalapeño purée – an odd choice for a wedding in Besançon.",
    "The coöperative’s ledger lists “pâté, 12 tins” next to “açaí, 3 crates” – nobody knows who paid.",
)

INSULTS: tuple[str, ...] = (
    "You are a worthless piece of shit and everybody in this thread fucking hates you.",
    "Shut the fuck up, you pathetic idiot, nobody wants to hear your stupid bullshit.",
    "Go to hell, you disgusting moron, you are too damn stupid to tie your own shoes.",
    "What a fucking asshole, I hope you choke on your own garbage and die alone.",
    "Only a complete brain-dead dumbass like you would believe this pile of crap.",
    "You ugly, brainless bitch, crawl back into the stinking hole you came from.",
    "I will find you and beat the living shit out of you, you filthy coward.",
    "Everyone who likes this crap is a fucking moron and deserves to be slapped.",
    "Kill yourself, you miserable loser, the world would be better without your ugly face.",
    "This bastard is the dumbest son of a bitch who ever touched a keyboard.",
    "Nobody gives a fuck about your opinion, you whiny, disgusting little prick.",
    "You lying sack of shit, I hope somebody smashes your stupid teeth in.",
)

BOILERPLATE: tuple[str, ...] = (
    "Please enable JavaScript in your browser to see the full content of this page.",
    "JavaScript is disabled. For a better experience, turn on JavaScript before proceeding.",
    "By using this website you agree to our terms of use and to the storage of your choices.",
    "This site uses cookies. Read our cookie policy to learn how you can refuse them.",
    "We and our partners use cookies to personalise content; see the privacy policy for details.",
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt.",
    "Your use of this service is governed by the Terms of Use and the Privacy Policy.",
    "This page uses cookies. By continuing to browse you accept our use of cookies.",
)

REPEATED: tuple[str, ...] = (
    "best price guaranteed on every order today",
    "click here to read the complete review now",
    "share this story with all of your friends",
    "free delivery on all orders placed this week",
    "sign up for the newsletter and never miss a deal",
    "compare the cheapest offers for your next holiday",
)

CARRIERS: dict[str, tuple[str, ...]] = {
    "email": (
        "Questions about the programme can be sent to {} before the end of the month.",
        "The organiser, who answers at {} on most evenings, has asked for a short reply.",
    ),
    "ip": (
        "The moderator traced the messages to the address {} and closed the account the same day.",
        "According to the log, the visitor connected from {} shortly after midnight.",
    ),
    "phone": (
        "For bookings, please call the front desk at {} during the opening hours.",
        "You can reach the caretaker by phone at {} if the gate should be locked.",
    ),
    "card": (
        "She typed the card number {} into the form and pressed the button without thinking.",
        "The receipt still showed the credit card {} in full, which surprised the auditor.",
    ),
    "iban": (
        "Donations for the restoration can be transferred to the account {} at any time.",
        "The deposit was returned to the IBAN {} after the keys had been handed over.",
    ),
}
