@echo off
rem SPDX-License-Identifier: Apache-2.0
rem espy retrain clean, with further options as given: %ESPY%, else the installed program, else the one
rem built beside this folder.
setlocal
if not "%ESPY%"=="" goto found
set "ESPY=espy"
where espy >nul 2>nul
if errorlevel 1 set "ESPY=%~dp0..\build\espy.exe"
:found
echo Deletes the classifier files of the last run, then trains again from the students' photos.
echo It runs: espy retrain clean %*
pause
"%ESPY%" retrain clean %*
set status=%errorlevel%
if not "%status%"=="0" echo It failed. The reason is in training_error.log in the embeddings folder (models).
pause
exit /b %status%
