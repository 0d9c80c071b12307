// Shows what the server pushes while no tab is open, and opens the message
// when it is clicked. It fetches and keeps nothing.
self.addEventListener("push", (e) => {
  let told = {};
  try {
    told = e.data.json();
  } catch {
    // an empty push still has to show something
  }
  e.waitUntil(self.registration.showNotification(told.title || "Godwit", {
    body: told.text || "", tag: told.message || "godwit", icon: "/favicon.svg", silent: !told.sound, data: { room: told.room, message: told.message },
  }));
});

self.addEventListener("notificationclick", (e) => {
  e.notification.close();
  const { room, message } = e.notification.data || {};
  const path = room ? `/room/${encodeURIComponent(room)}/${encodeURIComponent(message || "")}` : "/";
  e.waitUntil((async () => {
    const tabs = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    const tab = tabs[0];
    if (!tab) return self.clients.openWindow(path);
    await tab.focus();
    return tab.navigate(path).catch(() => self.clients.openWindow(path));
  })());
});
