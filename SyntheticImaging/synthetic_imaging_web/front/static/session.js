// In every page of the viewer: sends files, and shows when the session has ended.
"use strict";
(function () {
  const limits = { max_upload_bytes: Infinity, max_files: Infinity };

  function refused(message) {
    return Promise.resolve({ ok: false, message: message, details: "" });
  }

  // files: FileList or array of File; onProgress: called with 0 to 1. Resolves to {ok, message, details}, never rejects.
  function upload(files, onProgress) {
    const list = Array.from(files);
    const bytes = list.reduce((sum, file) => sum + file.size, 0);
    if (!list.length) return refused("No files were chosen.");
    if (list.length > limits.max_files) return refused("At most " + limits.max_files + " files can be sent at once.");
    if (bytes > limits.max_upload_bytes) {
      return refused("These files are too large: at most " + Math.floor(limits.max_upload_bytes / 1048576) +
                     " MB can be sent at once.");
    }
    const form = new FormData();
    for (const file of list) {
      const path = file.webkitRelativePath || file.relativePath || file.name;
      form.append("files", file, path);
    }
    return new Promise((resolve) => {
      const request = new XMLHttpRequest();
      request.open("POST", "upload");
      request.upload.onprogress = (event) => {
        if (onProgress && event.lengthComputable) onProgress(event.loaded / event.total);
      };
      request.onload = () => {
        try {
          resolve(JSON.parse(request.responseText));
        } catch (_) {
          resolve({ ok: false, message: "The files could not be sent. Load the page again.", details: "" });
        }
      };
      request.onerror = () =>
        resolve({ ok: false, message: "The connection broke while the files were sent. Send them again.", details: "" });
      request.send(form);
    });
  }

  // Ends this session; its images and results are deleted.
  function end() {
    return fetch("front/end", { method: "POST" }).then(() => location.reload());
  }

  let missed = 0;
  function watch() {
    fetch("front/state", { cache: "no-store" })
      .then((answer) => (answer.ok ? answer.json() : { state: "gone" }))
      .then((told) => {
        missed = 0;
        if (told.max_upload_bytes) Object.assign(limits, { max_upload_bytes: told.max_upload_bytes, max_files: told.max_files });
        if (told.state === "ended" || told.state === "gone" || told.state === "starting") location.reload();
        else setTimeout(watch, 3000);
      })
      .catch(() => {
        // The program itself was stopped: nothing answers, so it is said here.
        missed += 1;
        if (missed === 3) stopped();
        setTimeout(watch, 3000);
      });
  }

  function stopped() {
    const note = document.createElement("div");
    note.setAttribute("role", "alert");
    note.id = "synthetic-imaging-stopped";
    note.textContent = "The program was stopped. Start it again, then open the address that it prints.";
    note.style.cssText = "position:fixed;left:0;right:0;top:0;z-index:99999;padding:12px 16px;background:#7a2e2e;" +
                         "color:#fff;font:16px/1.4 system-ui,sans-serif;text-align:center";
    document.body.appendChild(note);
  }

  window.syntheticImaging = { upload: upload, end: end, limits: limits };
  watch();
})();
