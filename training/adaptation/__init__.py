"""A model of one place made to work in another, of which there are recordings without labels.

domains.py says which clips are the source, the target, and what is judged; stage.py is the one training loop's view of
it, with a file in methods/ for each way; moments.py exchanges the moments of normalisations; night.py does what can be
done after installation, from one night of a home; experiment.py compares methods. After the medical audio thesis.
"""
