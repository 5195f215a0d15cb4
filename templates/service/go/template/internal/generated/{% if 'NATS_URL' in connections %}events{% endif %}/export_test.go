package events

// Deliver lets tests hand over a message as the server would.
var Deliver = (*Bus).deliver
