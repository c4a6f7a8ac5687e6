"""What licences say, in the words that no other licence has.

Tables only. `PHRASES` are in the form that `licences.shingles` compares (lower case, no punctuation,
British "licence" as "license"); ids are those of the SPDX License List.
"""

from __future__ import annotations

from typing import NamedTuple


class Wording(NamedTuple):
    """A licence has all of `phrases` and none of `lacks`."""

    licence: str
    phrases: tuple[str, ...]
    lacks: tuple[str, ...] = ()


_MIT = "permission is hereby granted free of charge to any person obtaining a copy of this software and associated documentation files"
_MIT_NOTICE = "the above copyright notice and this permission notice shall be included in all copies or substantial portions of the software"
_NO_ADVERTISING = "shall not be used in advertising or otherwise to promote the sale"
_BSD = "redistribution and use in source and binary forms with or without modification are permitted provided that the following conditions are met"
_BSD_BINARY = "redistributions in binary form must reproduce the above copyright notice this list of conditions and the following disclaimer"
_ENDORSE = "endorse or promote products derived from this software without specific prior written permission"
_ADVERTISING = "all advertising materials mentioning features or use of this software must display the following acknowledgement"
_NO_PATENTS = (
    "no express or implied licenses to any party s patent rights are granted by this license"
)
_FEE = "fee is hereby granted"
_ARTISTIC = (
    "this license establishes the terms under which a given free software package may be copied"
)

PHRASES: tuple[Wording, ...] = (
    Wording("Apache-2.0", ("version 2 0 january 2004", "grant of patent license")),
    Wording(
        "Apache-1.1",
        (_BSD, "software developed by the apache software foundation"),
        ("version 2 0 january 2004",),
    ),
    Wording("MIT", (_MIT, _MIT_NOTICE), (_NO_ADVERTISING, "shall be used for good not evil")),
    Wording(
        "MIT-0",
        (
            _MIT,
            "to permit persons to whom the software is furnished to do so the software is provided as is",
        ),
        (_MIT_NOTICE,),
    ),
    Wording("X11", (_MIT, _NO_ADVERTISING)),
    Wording("JSON", (_MIT, "shall be used for good not evil")),
    Wording(
        "NCSA",
        (_MIT, "redistributions of source code must retain the above copyright notice"),
        (_MIT_NOTICE,),
    ),
    Wording("BSD-4-Clause", (_BSD, _BSD_BINARY, _ENDORSE, _ADVERTISING)),
    Wording("BSD-3-Clause-Clear", (_BSD, _BSD_BINARY, _ENDORSE, _NO_PATENTS)),
    Wording(
        "BSD-3-Clause",
        (_BSD, _BSD_BINARY, _ENDORSE),
        (_ADVERTISING, _NO_PATENTS, "apache software foundation"),
    ),
    Wording(
        "BSD-2-Clause",
        (_BSD, _BSD_BINARY),
        (_ENDORSE, _ADVERTISING, "names of its contributors may be used to endorse"),
    ),
    Wording("ISC", (f"{_FEE} provided that the above copyright notice and this",)),
    Wording("0BSD", (f"{_FEE} the software is provided as is and the author",)),
    Wording(
        "PostgreSQL",
        ("for any purpose without fee and without a written agreement is hereby granted",),
    ),
    Wording(
        "Zlib",
        (
            "in no event will the authors be held liable for any damages",
            "altered source versions must be plainly marked as such",
        ),
    ),
    Wording("BSL-1.0", ("boost software license version 1 0 august 17th 2003",)),
    Wording(
        "Unlicense", ("this is free and unencumbered software released into the public domain",)
    ),
    Wording(
        "WTFPL",
        ("do what the fuck you want to public license", "you just do what the fuck you want to"),
    ),
    Wording("GPL-1.0", ("gnu general public license version 1 february 1989",)),
    Wording("GPL-2.0", ("gnu general public license version 2 june 1991",)),
    Wording("GPL-3.0", ("gnu general public license version 3 29 june 2007",)),
    Wording("LGPL-2.0", ("gnu library general public license version 2 june 1991",)),
    Wording("LGPL-2.1", ("gnu lesser general public license version 2 1 february 1999",)),
    Wording("LGPL-3.0", ("gnu lesser general public license version 3 29 june 2007",)),
    Wording("AGPL-3.0", ("gnu affero general public license version 3 19 november 2007",)),
    Wording("GFDL-1.2", ("gnu free documentation license version 1 2 november 2002",)),
    Wording("GFDL-1.3", ("gnu free documentation license version 1 3 3 november 2008",)),
    Wording("MPL-1.1", ("mozilla public license version 1 1", "initial developer")),
    Wording(
        "MPL-2.0", ("mozilla public license version 2 0", "incompatible with secondary licenses")
    ),
    Wording(
        "EPL-1.0",
        (
            "eclipse public license v 1 0",
            "the accompanying program is provided under the terms of this eclipse public license",
        ),
    ),
    Wording(
        "EPL-2.0",
        (
            "eclipse public license v 2 0",
            "the accompanying program is provided under the terms of this eclipse public license",
        ),
    ),
    Wording("EUPL-1.2", ("european union public license v 1 2",)),
    Wording("CDDL-1.0", ("common development and distribution license cddl version 1 0",)),
    Wording("CC0-1.0", ("cc0 1 0 universal",)),
    Wording("OFL-1.1", ("sil open font license version 1 1",)),
    Wording("Artistic-2.0", (f"{_ARTISTIC} modified distributed and or redistributed",)),
    Wording("Artistic-1.0", ("copyright holder maintains some semblance of artistic control",)),
    Wording(
        "PSF-2.0",
        ("python software foundation license version 2",),
        ("beopen com license agreement for python 2 0",),
    ),
    Wording(
        "Python-2.0",
        (
            "python software foundation license version 2",
            "beopen com license agreement for python 2 0",
        ),
    ),
    Wording(
        "MS-PL",
        ("microsoft public license ms pl", "if you use the software you accept this license"),
    ),
    Wording("UPL-1.0", ("universal permissive license upl version 1 0",)),
    Wording("ECL-2.0", ("educational community license version 2 0",)),
    Wording("BlueOak-1.0.0", ("blue oak model license version 1 0 0",)),
    Wording("MulanPSL-2.0", ("mulan permissive software license version 2",)),
    Wording("CDLA-Permissive-2.0", ("community data license agreement permissive version 2 0",)),
    Wording("BUSL-1.1", ("business source license 1 1",)),
    Wording("SSPL-1.0", ("server side public license version 1 october 16 2018",)),
    Wording("Elastic-2.0", ("elastic license 2 0",)),
    Wording("PolyForm-Noncommercial-1.0.0", ("polyform noncommercial license 1 0 0",)),
)

NOTICES: tuple[tuple[str, str], ...] = (  # how a file says that a licence applies; first that fits
    ("Apache-2.0", r"licensed (?:to you )?under (?:the )?apache license (?:version )?2 0"),
    ("Apache-2.0", r"under the terms of the apache license version 2 0"),
    ("MPL-2.0", r"subject to the terms of the mozilla public license v 2 0"),
    ("MPL-1.1", r"subject to the mozilla public license version 1 1"),
    ("EPL-2.0", r"under the terms of the eclipse public license (?:v |version )?2 0"),
    ("EPL-1.0", r"under the terms of the eclipse public license (?:v |version )?1 0"),
    (
        "MIT",
        r"(?:licensed|released|distributed|available) under (?:the )?(?:terms of (?:the )?)?mit(?: x11)? license",
    ),
    ("MIT", r"(?:license|licensed) mit(?: license)?\b(?! 0)"),
    ("BSL-1.0", r"distributed under the boost software license version 1 0"),
    ("CC0-1.0", r"creativecommons org publicdomain zero 1 0"),
)
GNU_NOTICE = (
    r"(?:terms of|licensed under|under) (?:the )?gnu (lesser |library |affero )?general public license"
    r"(?: (?:a?gpl|lgpl))?(?: as published by the free software foundation)?"
    r"(?: either)? (?:version|v) ?(\d(?: [01]\b)?)(?: only)?( (?:of the license )?or (?:at your option )?(?:any )?later)?"
)
CREATIVE_COMMONS = (
    r"(?:creative commons |cc )attribution((?: noncommercial| sharealike| noderivatives| noderivs)*)"
    r" (\d \d)"
    r"|creativecommons org licenses (by(?: nc)?(?: sa| nd)?) (\d \d)"
)

RIDERS: tuple[str, ...] = (  # a known licence with one of these is another licence
    "commons clause license condition",
    "without limiting other conditions in the license the grant of rights under the license will not include",
    "for non commercial purposes only",
    "for noncommercial purposes only",
    "non commercial use only",
    "noncommercial use only",
    "not be used for commercial purposes",
    "may not be used to train",
    "research purposes only",
)

# Blue Oak Council, license list version 15 (https://blueoakcouncil.org/list, CC0-1.0), every rating;
# the list that The Stack v2 begins with (arXiv 2402.19173, section 2.1)
_BLUE_OAK = """
BlueOak-1.0.0 BSD-2-Clause-Patent ADSL Apache-2.0 APAFML BSD-1-Clause BSD-2-Clause
BSD-2-Clause-FreeBSD BSD-2-Clause-NetBSD BSD-2-Clause-Views BSL-1.0 DSDP ECL-1.0 ECL-2.0 hdparm
ImageMagick Intel-ACPI ISC Linux-OpenIB MIT MIT-Modern-Variant MIT-testregex MIT-Wu MS-PL
MulanPSL-1.0 Mup PostgreSQL SHL-0.5 Spencer-99 UPL-1.0 Xerox Xfig 0BSD AFL-1.1 AFL-1.2 AFL-2.0
AFL-2.1 AFL-3.0 AMDPLPA AML AMPAS ANTLR-PD ANTLR-PD-fallback Apache-1.0 Apache-1.1 Artistic-2.0
Bahyph Barr bcrypt-Solar-Designer BSD-3-Clause BSD-3-Clause-Attribution BSD-3-Clause-Clear
BSD-3-Clause-HP BSD-3-Clause-LBNL BSD-3-Clause-Modification BSD-3-Clause-No-Nuclear-License-2014
BSD-3-Clause-No-Nuclear-Warranty BSD-3-Clause-Open-MPI BSD-3-Clause-Sun BSD-4-Clause
BSD-4-Clause-Shortened BSD-4-Clause-UC BSD-Source-Code bzip2-1.0.5 bzip2-1.0.6 CC0-1.0 CFITSIO
Clips CNRI-Jython CNRI-Python CNRI-Python-GPL-Compatible Cube curl eGenix Entessa FTL fwlw
HPND-Fenneberg-Livingston HPND-sell-regexpr HTMLTIDY IBM-pibs ICU Info-ZIP Intel JasPer-2.0
Libpng libpng-2.0 libtiff LPPL-1.3c LZMA-SDK-9.22 MIT-0 MIT-advertising MIT-CMU MIT-enna MIT-feh
MIT-open-group MITNFA MTLL MulanPSL-2.0 Multics Naumen NCSA Net-SNMP NetCDF NICTA-1.0
NIST-Software NTP OGL-Canada-2.0 OLDAP-2.0 OLDAP-2.0.1 OLDAP-2.1 OLDAP-2.2 OLDAP-2.2.1
OLDAP-2.2.2 OLDAP-2.3 OLDAP-2.4 OLDAP-2.5 OLDAP-2.6 OLDAP-2.7 OLDAP-2.8 OML OpenSSL PHP-3.0
PHP-3.01 Plexus PSF-2.0 Python-2.0 Ruby Saxpath SGI-B-2.0 SMLNJ SunPro SWL Symlinks TCL
TCP-wrappers UCAR Unicode-DFS-2015 Unicode-DFS-2016 UnixCrypt Unlicense VSL-1.0 W3C X11
XFree86-1.1 xlock Xnet xpp Zlib zlib-acknowledgement ZPL-2.0 ZPL-2.1 AAL Adobe-2006 Afmparse
Artistic-1.0 Artistic-1.0-cl8 Artistic-1.0-Perl Beerware blessing Borceux BSD-2-Clause-Darwin
CECILL-B check-cvs ClArtistic Condor-1.1 Crossword CrystalStacker diffmark DOC EFL-1.0 EFL-2.0
Fair FSFAP FSFUL FSFULLR Giftware GLWTPL HPND HPND-export-US IJG IJG-short Jam Kazlib Leptonica
LPL-1.0 LPL-1.02 McPhee-slideshow MirOS mpich2 NAIST-2003 NASA-1.3 NBPL-1.0 Newsletr NLPL NRL
NTP-0 OFFIS OGTSL OLDAP-1.1 OLDAP-1.2 OLDAP-1.3 OLDAP-1.4 psutils python-ldap Qhull Rdisc RSA-MD
snprintf Spencer-86 Spencer-94 SSH-short TU-Berlin-1.0 TU-Berlin-2.0 Vim W3C-19980720
W3C-20150513 Wsuipa WTFPL xinetd XSkat Zed Zend-2.0 ZPL-1.1
"""
PERMISSIVE: frozenset[str] = frozenset(_BLUE_OAK.split())

ALIASES: dict[str, str] = {  # what package manifests say, as `licences.words` has it
    "apache": "Apache-2.0",
    "apache 2": "Apache-2.0",
    "apache 2 0": "Apache-2.0",
    "apache license 2 0": "Apache-2.0",
    "apache license version 2 0": "Apache-2.0",
    "apache software license 2 0": "Apache-2.0",
    "the apache license version 2 0": "Apache-2.0",
    "asl 2 0": "Apache-2.0",
    "mit license": "MIT",
    "the mit license": "MIT",
    "expat": "MIT",
    "new bsd": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "modified bsd license": "BSD-3-Clause",
    "bsd 3 clause license": "BSD-3-Clause",
    "3 clause bsd": "BSD-3-Clause",
    "simplified bsd": "BSD-2-Clause",
    "bsd 2 clause license": "BSD-2-Clause",
    "2 clause bsd": "BSD-2-Clause",
    "isc license": "ISC",
    "isc license iscl": "ISC",
    "mozilla public license 2 0 mpl 2 0": "MPL-2.0",
    "mpl 2": "MPL-2.0",
    "gplv2": "GPL-2.0",
    "gpl v2": "GPL-2.0",
    "gplv3": "GPL-3.0",
    "gpl v3": "GPL-3.0",
    "gnu general public license v3 gplv3": "GPL-3.0",
    "gnu general public license v3 or later gplv3": "GPL-3.0-or-later",
    "gnu general public license v2 gplv2": "GPL-2.0",
    "gnu general public license v2 or later gplv2": "GPL-2.0-or-later",
    "lgplv3": "LGPL-3.0",
    "gnu lesser general public license v3 lgplv3": "LGPL-3.0",
    "gnu lesser general public license v3 or later lgplv3": "LGPL-3.0-or-later",
    "gnu affero general public license v3": "AGPL-3.0",
    "gnu affero general public license v3 or later agplv3": "AGPL-3.0-or-later",
    "python software foundation license": "PSF-2.0",
    "psf": "PSF-2.0",
    "the unlicense unlicense": "Unlicense",
    "zlib libpng license": "Zlib",
    "boost software license 1 0 bsl 1 0": "BSL-1.0",
    "public domain": "LicenseRef-Public-Domain",
}
