"""How a scanner sees a body: CT noise and artefacts, ultrasound speckle and shadow, MR signals. No anatomy in here."""
