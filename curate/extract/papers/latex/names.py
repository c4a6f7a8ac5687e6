"""What the commands of LaTeX mean to a reader of plain text.

In: nothing. Out: tables: accents, symbols, commands with arguments that are dropped, environments by
what becomes of them. Names are those of LaTeX 2e (Lamport 1994; Mittelbach and Fischer 2023), AMS-LaTeX,
natbib, biblatex, hyperref, booktabs, algorithmic, and of plain TeX (Knuth 1986, appendix B).
"""

from __future__ import annotations

ACCENTS: dict[str, str] = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ".": "\u0307", "u": "\u0306", "v": "\u030c", "H": "\u030b", "c": "\u0327", "d": "\u0323",
    "b": "\u0331", "k": "\u0328", "r": "\u030a",
}  # fmt: skip
SYMBOLS: dict[str, str] = {
    "ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ",
    "aa": "å", "AA": "Å", "i": "ı", "j": "ȷ", "dh": "ð", "DH": "Ð", "th": "þ", "TH": "Þ", "dj": "đ",
    "DJ": "Đ", "ng": "ŋ", "NG": "Ŋ", "SS": "SS", "dag": "†", "ddag": "‡", "S": "§", "P": "¶",
    "copyright": "©", "pounds": "£", "euro": "€", "EUR": "€", "texteuro": "€", "ldots": "…",
    "dots": "…", "textellipsis": "…", "LaTeX": "LaTeX", "LaTeXe": "LaTeX2e", "TeX": "TeX",
    "BibTeX": "BibTeX", "textregistered": "®", "texttrademark": "™", "textdegree": "°",
    "degree": "°", "celsius": "°C", "textbackslash": "\\", "textasciitilde": "~",
    "textasciicircum": "^", "textbar": "|", "textless": "<", "textgreater": ">", "slash": "/",
    "textendash": "–", "textemdash": "—", "textquoteleft": "‘", "textquoteright": "’",
    "textquotedblleft": "“", "textquotedblright": "”", "textquotedbl": '"', "guillemotleft": "«",
    "guillemotright": "»", "og": "« ", "fg": " »", "glqq": "„", "grqq": "“", "quotedblbase": "„",
    "textmu": "µ", "micro": "µ", "textbullet": "•", "textsection": "§", "textparagraph": "¶",
    "textunderscore": "_", "textdollar": "$", "lq": "‘", "rq": "’", "textpm": "±", "texttimes": "×",
    "quad": " ", "qquad": " ", "enspace": " ", "thinspace": " ", "space": " ", "newline": "\n",
    "linebreak": "\n", "par": "\n\n", "tabularnewline": "\n", "cr": "\n", "and": ", ",
    "lbrace": "{", "rbrace": "}", "checkmark": "✓", "No": "№", "textonehalf": "½", "ie": "i.e.",
    "eg": "e.g.", "hline": "", "bigskip": "\n\n", "medskip": "\n\n", "smallskip": "\n\n",
    "newpage": "\n\n", "clearpage": "\n\n", "pagebreak": "\n\n",
}  # fmt: skip
SINGLE: dict[str, str] = {
    ",": " ", ";": " ", ":": " ", " ": " ", "\n": " ", "!": "", "/": "", "-": "", "@": "",
    "%": "%", "&": "&", "#": "#", "_": "_", "{": "{", "}": "}", "$": "$",
}  # fmt: skip
DROPPED: dict[str, int] = {  # braced arguments that go with the command
    "label": 1, "index": 1, "vspace": 1, "hspace": 1, "includegraphics": 1, "bibliographystyle": 1,
    "bibliography": 1, "setlength": 2, "addtolength": 2, "setcounter": 2, "addtocounter": 2,
    "stepcounter": 1, "refstepcounter": 1, "pagestyle": 1, "thispagestyle": 1, "pagenumbering": 1,
    "usepackage": 1, "RequirePackage": 1, "documentclass": 1, "documentstyle": 1, "input": 1,
    "include": 1, "includeonly": 1, "graphicspath": 1, "thanks": 1, "affiliation": 1, "affil": 1,
    "address": 1, "email": 1, "institute": 1, "inst": 1, "ead": 1, "orcid": 1, "keywords": 1,
    "pacs": 1, "subjclass": 1, "author": 1, "title": 1, "date": 1, "titlerunning": 1,
    "authorrunning": 1, "epsfig": 1, "epsfbox": 1, "psfig": 1, "includepdf": 1, "input@path": 1,
    "color": 1, "textcolor": 1, "pagecolor": 1, "rowcolor": 1, "cellcolor": 1, "definecolor": 3,
    "hypersetup": 1, "newcounter": 1, "newlength": 1, "phantom": 1, "hphantom": 1, "vphantom": 1,
    "rule": 2, "raisebox": 1, "scalebox": 1, "resizebox": 2, "rotatebox": 1, "multicolumn": 2,
    "multirow": 2, "cline": 1, "cmidrule": 1, "addcontentsline": 3, "numberwithin": 2,
    "theoremstyle": 1, "newtheoremstyle": 9, "markboth": 2, "markright": 1, "nocite": 1,
    "addbibresource": 1, "printbibliography": 0, "fontsize": 2, "renewcommand": 2, "newcommand": 2,
    "hyphenation": 1, "tableofcontents": 0, "subjectclass": 1, "received": 1, "revised": 1,
    "accepted": 1, "preprint": 1, "ccsdesc": 1, "acmConference": 4, "acmDOI": 1, "acmISBN": 1,
    "acmYear": 1, "acmPrice": 1, "setcopyright": 1, "copyrightyear": 1, "city": 1, "country": 1,
    "institution": 1, "DOI": 1, "hypertarget": 1, "hyperref": 0, "hyperlink": 1, "foreignlanguage": 1,
    "todo": 1, "vskip": 0, "hskip": 0, "special": 1, "tikzset": 1, "pgfplotsset": 1, "lstset": 1,
    "allowdisplaybreaks": 0, "footnotemark": 0, "selectlanguage": 1, "captionsetup": 1,
    "cleardoublepage": 0, "bibitem": 1, "bibinfo": 1, "externaldocument": 1, "crefname": 3,
    "Crefname": 3, "shorttitle": 1, "shortauthors": 1, "runningtitle": 1, "doi": 1, "setstretch": 1,
    "linespread": 1, "geometry": 1, "AtBeginDocument": 1, "makeatletter": 0, "affiliations": 1,
}  # fmt: skip
REFERENCE = r"(?:ref|eqref|pageref|autoref|nameref|vref|cref|Cref|labelcref|fref|Fref|subref|secref|figref|tabref)"
CITATION = r"(?:(?:no|paren|text|auto|foot|full|short|smart|super|P|A|T)?[cC]ite[a-zA-Z]*|citealp|onlinecite)"
SECTIONS: dict[str, int] = {
    "part": 0, "chapter": 0, "section": 1, "subsection": 2, "subsubsection": 3, "paragraph": 4,
    "subparagraph": 5, "head": 1, "subhead": 2, "heading": 1, "beginsection": 1, "titlea": 1,
    "titleb": 2,
}  # fmt: skip
MATH = frozenset(
    ["equation", "align", "gather", "multline", "eqnarray", "displaymath", "math", "flalign", "alignat",
     "IEEEeqnarray", "dmath", "xalignat", "mathpar", "dgroup", "empheq", "darray"]
)  # fmt: skip
PICTURES = frozenset(
    ["tikzpicture", "pgfpicture", "picture", "pspicture", "axis", "CCSXML", "filecontents", "thebibliography",
     "references", "feynmandiagram", "fmffile", "xy", "comment", "tikzcd", "forest", "overpic",
     "keywords", "IEEEkeywords", "keyword", "biography", "IEEEbiography"]
)  # fmt: skip
LISTS = {
    "itemize": "- ", "enumerate": "", "description": "- ", "list": "- ", "compactitem": "- ",
    "compactenum": "", "inparaenum": "", "trivlist": "- ", "asparaenum": "", "asparaitem": "- ",
}  # fmt: skip
TABLES = {
    "tabular": 1, "tabularx": 2, "tabulary": 2, "longtable": 1, "array": 1, "supertabular": 1,
    "deluxetable": 1, "tblr": 1, "longtblr": 1, "xltabular": 2, "tabu": 1, "tabbing": 0,
}  # fmt: skip
ENVIRONMENT_ARGUMENTS = {
    "minipage": 1, "multicols": 1, "wrapfigure": 2, "wraptable": 2, "adjustbox": 1, "subfigure": 1,
    "subtable": 1, "spacing": 1, "otherlanguage": 1, "scope": 0, "list": 2, "adjustwidth": 2,
    "thenomenclature": 0, "algorithmic": 0, "alignat": 1, "scaletikzpicturetowidth": 1,
}  # fmt: skip
THEOREMS = {
    "theorem": "Theorem", "thm": "Theorem", "lemma": "Lemma", "lem": "Lemma", "proof": "Proof",
    "definition": "Definition", "defn": "Definition", "corollary": "Corollary", "cor": "Corollary",
    "proposition": "Proposition", "prop": "Proposition", "remark": "Remark", "rem": "Remark",
    "example": "Example", "conjecture": "Conjecture", "claim": "Claim", "assumption": "Assumption",
    "acknowledgments": "Acknowledgments", "acknowledgements": "Acknowledgements", "ack": "Acknowledgements",
}  # fmt: skip
