"""How a scanner sees a body: noise, artefacts and blur of CT, speckle and shadow of ultrasound. No anatomy in here."""
