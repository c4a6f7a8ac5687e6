"""What a page tells of a run, gathered over all its documents.

of_table      `Facts` of rows, which add up, and the `Plan` of what to look for
spread        how the values of a signal are spread, counted on a fixed grid
agreement     how the bounds judge dropped documents together
properties    languages, domains, lengths, licences …
label_values  labels with few values
draw          which documents are shown, and which pairs of copies
read          one file, read by whoever reads it
gather        a whole run, here if it is small
by_spark      the same for a large one
"""
