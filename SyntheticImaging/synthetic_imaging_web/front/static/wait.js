// Loads the page again as soon as its process has started, or has ended.
"use strict";
(function ask() {
  fetch("/front/state", { cache: "no-store" })
    .then((answer) => (answer.ok ? answer.json() : { state: "gone" }))
    .then((told) => {
      if (told.state === "starting") setTimeout(ask, 400);
      else location.reload();
    })
    .catch(() => setTimeout(ask, 2000));
})();
